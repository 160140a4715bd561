"""The kinds of object stores: what the program must be told of a server, and how this suite reaches it by another
implementation than the program's."""

from dataclasses import dataclass
from typing import Callable
from urllib.parse import urlsplit

from pyarrow import fs


@dataclass(frozen=True)
class Kind:
    scheme: str
    account: str
    secret: str
    told: Callable  # address → the environment of the program
    client: Callable  # address → the store as a file system


def s3(account, secret):
    return Kind(
        "s3", account, secret,
        told=lambda address: {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"},
        client=lambda address: fs.S3FileSystem(
            access_key=account, secret_key=secret, region="us-east-1", scheme="http", endpoint_override=urlsplit(address).netloc,
            allow_bucket_creation=True, allow_bucket_deletion=True,
        ),
    )


def azure(account, secret):
    def client(address):
        place = {"blob_storage_authority": urlsplit(address).netloc, "blob_storage_scheme": "http", "dfs_storage_authority": urlsplit(address).netloc, "dfs_storage_scheme": "http"}
        return fs.AzureFileSystem(account, account_key=secret, **place)

    told = {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURE_STORAGE_ACCOUNT_NAME": account, "AZURE_STORAGE_ACCOUNT_KEY": secret}
    return Kind("az", account, secret, told=lambda address: told | {"AZURITE_BLOB_STORAGE_URL": address}, client=client)


KINDS = {
    "s3": s3("AKIACHECKS", "s3cret+store/key"),
    # The account of every emulator of Azure; its key is public.
    "az": azure("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="),
}
