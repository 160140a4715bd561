//! What the benches work on: a help desk of the sandbox's, its pages as they were sent, and its fields.
//!
//! Seed and time are fixed, so every run works on the same bytes.

use std::{fs, sync::Arc, time::Duration};

use tempfile::TempDir;
use ticketlake::{
    config::{self, Config, Overrides},
    fetch::{Client, fetch},
    fields::{Definition, Known, join},
    json::{Cursor, Json},
    lake::{FileForm, FileMeta, Lake},
    sandbox::{self, Options},
    source::{self, Ask, Clock, Order, Page, Slice},
    ticket::{Decoded, Decoder, Layout},
};
use tokio::{net::TcpListener, runtime::Runtime};

const NOW: i64 = 1_760_000_000;
const PER_PAGE: u32 = 100;

/// Pages of tickets in the order of creation, and what is needed to bring them into a lake.
pub struct Material {
    pub config: Config,
    pub pages: Vec<Page>,
    pub layout: Arc<Layout>,
    pub form: FileForm,
    pub lake: Lake,
    _folder: TempDir,
}

impl Material {
    /// The first tickets of a world of so many.
    pub fn new(tickets: usize) -> Self {
        // In memory where that can be: the disk is not what is measured.
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder");
        let runtime = Runtime::new().expect("a runtime");
        let (config, definitions, pages) = runtime.block_on(read(&folder, tickets));
        let kind = config.sources[0].kind;
        let fields = join(definitions, &Known::default(), &|_| None, NOW * 1_000_000).fields;
        let layout = Arc::new(Layout::new(source::ticket(kind), fields));
        let meta = FileMeta { schema_version: 1, source_kind: kind.name().to_owned() };
        let form = FileForm::new(&layout.schema, &meta).expect("a form");
        let lake = Lake::open(&config.lake).expect("a lake");
        Self { config, pages, layout, form, lake, _folder: folder }
    }

    /// The rows of a page.
    pub fn decode(&self, page: &Page) -> Decoded {
        let source = &self.config.sources[0];
        let mut decoder = Decoder::new(Arc::clone(&self.layout), source.timezone.clone());
        for row in &page.rows {
            let ticket = std::str::from_utf8(&page.body[row.clone()]).expect("UTF-8");
            decoder.push(&mut Cursor::new(ticket)).expect("JSON");
        }
        decoder.finish(NOW * 1_000_000).expect("a batch")
    }
}

async fn read(folder: &TempDir, tickets: usize) -> (Config, Vec<Definition>, Vec<Page>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let options = Options {
        tickets,
        rate: None,
        latency: Duration::ZERO,
        now: Some(NOW),
        plain: true,
        ..Options::default()
    };
    let desk = tokio::spawn(sandbox::serve(listener, options));
    let config = configure(folder, &format!("http://{address}"));
    let client = Client::new(config.sources[0].clone()).expect("a client");
    let asked = fetch(&client, &Ask::Fields { page: 1, per_page: PER_PAGE }).await.expect("the fields");
    let texts = asked.rows.iter().map(|row| std::str::from_utf8(&asked.body[row.clone()]).expect("UTF-8"));
    let definitions = texts.map(|text| source::definition(&client.config, &Json::parse(text).expect("JSON")));
    let definitions = definitions.flatten().collect();
    let slice = Slice { by: Some(Clock::Created), order: Order::Asc, ..Slice::default() };
    let mut pages = Vec::new();
    for page in 1..=(tickets as u32).div_ceil(PER_PAGE) {
        pages.push(fetch(&client, &Ask::Tickets { slice, page, per_page: PER_PAGE }).await.expect("a page"));
    }
    desk.abort();
    assert_eq!(pages.iter().map(|page| page.rows.len()).sum::<usize>(), tickets, "pages were not whole");
    (config, definitions, pages)
}

fn configure(folder: &TempDir, address: &str) -> Config {
    fs::write(folder.path().join("password"), "sandbox").expect("a file");
    let text = format!(
        "[lake]\npath = \"lake\"\n[[source]]\nname = \"bench\"\nkind = \"kf5\"\nbase_url = \"{address}\"\n\
         email = \"agent@example.com\"\npassword = {{ file = \"password\" }}\nrate = \"unlimited\"\n"
    );
    let file = folder.path().join("ticketlake.toml");
    fs::write(&file, text).expect("a file");
    config::load(&file, &Overrides::default()).expect("a configuration")
}
