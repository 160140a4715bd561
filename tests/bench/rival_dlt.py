"""dlt from the same server: its REST source → Parquet files, appended. No labels, no merging.

Arguments: the server's address, user, password, the folder to write to.
"""

import os
import sys

address, user, password, folder = sys.argv[1:]
os.environ |= {"DLT_DATA_DIR": folder + "/state", "RUNTIME__DLTHUB_TELEMETRY": "false", "NO_PROXY": "*"}

import dlt  # noqa: E402: it reads its settings when imported
from dlt.destinations import filesystem  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

source = rest_api_source({
    "client": {
        "base_url": address + "/apiv2/",
        "auth": {"type": "http_basic", "username": user, "password": password},
        "paginator": {"type": "json_link", "next_url_path": "next_page"},
    },
    "resources": [{
        "name": "tickets",
        "write_disposition": "append",
        "endpoint": {"path": "tickets.json", "params": {"per_page": 100, "created_order": "asc"}, "data_selector": "tickets"},
    }],
})
pipeline = dlt.pipeline("bench", destination=filesystem(bucket_url=f"file://{folder}/files"), dataset_name="tickets", pipelines_dir=folder + "/pipelines")
pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()
