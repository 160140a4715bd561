//! What every store promises, on each kind; then what only a folder does.

use std::io::{ErrorKind, Read};

use parquet::file::reader::ChunkReader;
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::{
    config::StoreKind,
    lake::tests::{lake, lakes},
};

const FILE: &str = "tickets/source=s/created_date=2024-01-05/part-0.parquet";
const STATE: &str = "_ticketlake/state/s/0000000001.json";

fn put_bytes(lake: &Lake, key: &str, expected: &Expected, content: &[u8]) -> Result<Put, LakeError> {
    let write = |file: &mut (dyn Write + Send)| file.write_all(content).map_err(LakeError::io(key, "write"));
    put(lake, key, expected, write).map(|((), put)| put)
}

fn content_of(lake: &Lake, key: &str) -> Option<Vec<u8>> {
    lake.store.read(key).unwrap().map(|content| content.to_vec())
}

#[test]
fn what_is_put_is_there_with_its_version_and_checksum() {
    for (_folder, lake) in lakes() {
        // In memory, and too large for it.
        for content in [b"small".to_vec(), vec![7; 5 * 1024 * 1024]] {
            let put = put_bytes(&lake, FILE, &Expected::Anything, &content).unwrap();
            assert_eq!((put.version.bytes, put.checksum), (content.len() as u64, xxh3_64(&content)));
            assert!(!put.version.tag.is_empty());
            assert_eq!(lake.store.stat(FILE).unwrap().as_ref(), Some(&put.version));
            assert_eq!(lake.store.files("tickets").unwrap(), [(FILE.to_owned(), put.version.clone())]);
            assert_eq!(content_of(&lake, FILE).as_deref(), Some(&content[..]));

            let opened = path(&lake, FILE).open().unwrap().unwrap();
            assert_eq!((opened.version(), opened.bytes()), (put.version, content.len() as u64));
            assert_eq!(opened.checksum().unwrap(), put.checksum);
            assert_eq!(opened.get_bytes(1, 3).unwrap(), content[1..4]);
            assert!(opened.get_bytes(content.len() as u64 - 2, 3).is_err());
            let mut end = Vec::new();
            opened.get_read(content.len() as u64 - 4).unwrap().read_to_end(&mut end).unwrap();
            assert_eq!(end, content[content.len() - 4..]);
        }
        assert_eq!(staged(&lake).unwrap(), 0);
    }
}

#[test]
fn nothing_is_there_before_it_is_put() {
    for (_folder, lake) in lakes() {
        assert_eq!(content_of(&lake, FILE), None);
        assert_eq!(lake.store.stat(FILE).unwrap(), None);
        assert!(path(&lake, FILE).open().unwrap().is_none());
        assert!(!path(&lake, FILE).exists().unwrap() && !lake.store.delete(FILE).unwrap());
        assert_eq!(lake.store.files("tickets").unwrap(), []);
        assert!(lake.store.list("tickets").unwrap().is_empty());
        assert!(!lake.is_there().unwrap() && !lake.store.is_folder(Path::new("tickets")).unwrap());
        assert_eq!((staged(&lake).unwrap(), sweep(&lake).unwrap()), (0, 0));
    }
}

#[test]
fn a_put_replaces_what_it_expects_and_nothing_else() {
    let (folder, google) = lake();
    let bucket = Bucket::in_memory(StoreKind::Gcs).unwrap();
    let google = Lake { store: Store::Bucket(bucket.into()), ..google };
    for (_folder, lake) in lakes().into_iter().chain([(folder, google)]) {
        let put = |expected: &Expected, content: &[u8]| put_bytes(&lake, FILE, expected, content);
        let is_overtaken = |outcome| matches!(outcome, Err(LakeError::Overtaken { .. }));
        let missing = Expected::Version(FileVersion { bytes: 3, tag: "1".to_owned() });
        assert!(is_overtaken(put(&missing, b"none")));
        assert_eq!(content_of(&lake, FILE), None);

        let first = put(&Expected::Nothing, b"first").unwrap();
        assert!(is_overtaken(put(&Expected::Nothing, b"again")));
        let second = put(&Expected::Version(first.version.clone()), b"the second").unwrap();
        assert!(is_overtaken(put(&Expected::Version(first.version), b"third")));
        assert_eq!(content_of(&lake, FILE).unwrap(), b"the second");
        put(&Expected::Version(second.version), b"third").unwrap();
        put(&Expected::Anything, b"fourth").unwrap();
        assert_eq!(content_of(&lake, FILE).unwrap(), b"fourth");
        assert_eq!(staged(&lake).unwrap(), 0);
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    for (_folder, lake) in lakes() {
        put_bytes(&lake, FILE, &Expected::Nothing, b"old").unwrap();
        let failed: Result<((), Put), _> = put(&lake, FILE, &Expected::Anything, |file| {
            file.write_all(b"half").unwrap();
            Err(LakeError::damaged(FILE, "no more"))
        });
        assert!(failed.unwrap_err().is_damage());
        assert_eq!(content_of(&lake, FILE).unwrap(), b"old");
        assert_eq!(staged(&lake).unwrap(), 0);
    }
}

#[test]
fn only_one_creates() {
    for (_folder, lake) in lakes() {
        assert!(lake.store.create(STATE, b"one").unwrap());
        assert!(!lake.store.create(STATE, b"two").unwrap());
        assert_eq!(content_of(&lake, STATE).unwrap(), b"one");
        assert_eq!(staged(&lake).unwrap(), 0);
    }
}

#[test]
fn files_are_listed_walked_moved_and_removed() {
    for (_folder, lake) in lakes() {
        let keys = ["tickets/a-b/one", "tickets/a/b/three", "tickets/a/two", "tickets/four"];
        for key in keys {
            lake.store.create(key, b"x").unwrap();
        }
        let found =
            || lake.store.files("tickets").unwrap().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(found(), keys);
        assert_eq!(lake.store.list("tickets").unwrap(), ["a", "a-b", "four"]);
        assert_eq!(lake.store.files("tickets/a").unwrap().len(), 2);
        let mut walked = Vec::new();
        lake.store
            .walk(Path::new("tickets"), &mut |entry| {
                walked.push((text(&entry.path), entry.is_folder));
                entry.name.as_deref() != Some("b")
            })
            .unwrap();
        walked.sort_unstable();
        let expected = [
            ("tickets/a", true),
            ("tickets/a-b", true),
            ("tickets/a-b/one", false),
            ("tickets/a/b", true),
            ("tickets/a/two", false),
            ("tickets/four", false),
        ];
        assert_eq!(walked, expected.map(|(path, is_folder)| (path.to_owned(), is_folder)));

        lake.store.rename(Path::new("tickets/a"), Path::new("_ticketlake/aside/a")).unwrap();
        lake.store.rename(Path::new("tickets/four"), Path::new("tickets/five")).unwrap();
        assert_eq!(found(), ["tickets/a-b/one", "tickets/five"]);
        assert_eq!(content_of(&lake, "_ticketlake/aside/a/b/three").unwrap(), b"x");
        assert!(lake.store.is_folder(Path::new("tickets")).unwrap());
        assert!(!lake.store.is_folder(Path::new("tickets/five")).unwrap());
        assert!(
            lake.store.delete("tickets/a-b/one").unwrap() && !lake.store.delete("tickets/a-b/one").unwrap()
        );
        let _ = remove_empty(&lake, Path::new("tickets/a-b")).unwrap();
        assert!(!remove_empty(&lake, Path::new("tickets")).unwrap());
        assert_eq!(lake.store.list("tickets").unwrap(), ["five"]);
    }
}

#[test]
fn what_a_dead_run_has_staged_is_swept() {
    for (_folder, lake) in lakes() {
        // Of an older version: the record of a multipart upload, or a staged file.
        put_bytes(&lake, "_ticketlake/staging/1", &Expected::Anything, b"{}").unwrap();
        assert_eq!(staged(&lake).unwrap(), 1);
        assert_eq!(sweep(&lake).unwrap(), 1);
        assert_eq!(staged(&lake).unwrap(), 0);
    }
}

#[test]
fn the_first_io_error_of_a_reader_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    // A file that was opened to be written cannot be read.
    let file = File::create(folder.path().join("file")).unwrap();
    let version = FileVersion { bytes: 10, tag: String::new() };
    let content = Content::new(content::Source::File(file.into()), version);
    let io_error = content.io_error();
    assert!(content.get_bytes(0, 5).is_err());
    assert!(io_error.take().is_some() && io_error.take().is_none());
}

/// A lake in a folder, and where the folder is.
fn folder_lake() -> (tempfile::TempDir, Lake, Arc<Folder>) {
    let (above, lake) = lake();
    let Store::Folder(folder) = &lake.store else { panic!("the lake is in a folder") };
    let folder = Arc::clone(folder);
    (above, lake, folder)
}

#[test]
fn a_table_is_durable_before_state_speaks_of_it() {
    let (above, lake, folder) = folder_lake();
    put_bytes(&lake, FILE, &Expected::Nothing, b"rows").unwrap();
    lake.store.create(STATE, b"state").unwrap();
    let calls = std::mem::take(&mut folder.call_log().calls);
    let at = |operation, path: PathBuf| {
        let found = calls.iter().position(|call| *call == (operation, path.clone()));
        found.unwrap_or_else(|| panic!("no {operation} of {}: {calls:#?}", path.display()))
    };
    let is_staged = |path: &Path| path.starts_with(folder.path(STAGING));
    let renamed = at("rename", folder.path(FILE));
    assert_eq!(calls[renamed - 1].0, "sync");
    assert!(is_staged(&calls[renamed - 1].1), "{calls:#?}");
    let created = calls.iter().enumerate().skip(renamed).find(|(_, (operation, _))| *operation == "create");
    let created = created.unwrap().0;
    let partition = "tickets/source=s/created_date=2024-01-05";
    for path in ["", "tickets", "tickets/source=s", partition] {
        let synced = at("sync folder", folder.path(path).components().collect());
        assert!(renamed < synced && synced < created, "{path}: {calls:#?}");
    }
    let synced = at("sync folder", above.path().to_owned());
    assert!(renamed < synced && synced < created, "the folder above the lake: {calls:#?}");
    // Then the state: its file, its name, and the folders on the way.
    let linked = at("link", folder.path(STATE));
    assert!(created < linked && calls[linked - 1].0 == "sync");
    let last: Vec<_> = calls[linked..].iter().filter(|(operation, _)| *operation == "sync folder").collect();
    for path in ["_ticketlake", "_ticketlake/state", "_ticketlake/state/s"] {
        assert!(last.iter().any(|(_, folder_path)| *folder_path == folder.path(path)), "{path}: {calls:#?}");
    }
}

#[test]
fn a_table_is_durable_before_rows_are_removed_elsewhere() {
    let (_above, lake, folder) = folder_lake();
    let other = "tickets/source=s/created_date=2024-01-06/part-0.parquet";
    put_bytes(&lake, other, &Expected::Nothing, b"rows").unwrap();
    lake.store.sync_folders().unwrap();
    put_bytes(&lake, FILE, &Expected::Nothing, b"rows").unwrap();
    folder.call_log().calls.clear();
    assert!(lake.store.delete(other).unwrap());
    let calls = std::mem::take(&mut folder.call_log().calls);
    let of = |operation, path: &Path| calls.iter().position(|call| *call == (operation, path.to_owned()));
    let removed = of("remove", &folder.path(other)).unwrap();
    assert!(of("sync folder", folder.path(FILE).parent().unwrap()).unwrap() < removed, "{calls:#?}");
    let after = &calls[removed..];
    let gone = ("sync folder", folder.path(other).parent().unwrap().to_owned());
    assert!(after.contains(&gone), "{calls:#?}");
}

#[test]
fn a_failing_step_leaves_the_old_file_and_no_staged_one() {
    for (operation, is_a_table) in
        [("create", true), ("sync", true), ("rename", true), ("sync folder", false)]
    {
        let (_above, lake, folder) = folder_lake();
        let key = if is_a_table { FILE } else { "_ticketlake/runs/1.json" };
        put_bytes(&lake, key, &Expected::Nothing, b"old").unwrap();
        // A folder that is still to be synced is synced first.
        put_bytes(&lake, FILE, &Expected::Anything, b"old").unwrap();
        folder.call_log().failing = Some((operation, ErrorKind::StorageFull));
        let failed = put_bytes(&lake, key, &Expected::Anything, b"new").unwrap_err();
        assert!(failed.to_string().contains("the disk is full"), "{operation}: {failed}");
        assert_eq!(content_of(&lake, key).unwrap(), b"old", "{operation}");
        assert_eq!(staged(&lake).unwrap(), 0, "{operation}");
        put_bytes(&lake, key, &Expected::Anything, b"new").unwrap();
    }
}

#[test]
fn a_folder_that_could_not_be_synced_is_synced_the_next_time() {
    let (_above, lake, folder) = folder_lake();
    put_bytes(&lake, FILE, &Expected::Nothing, b"rows").unwrap();
    folder.call_log().failing = Some(("sync folder", ErrorKind::StorageFull));
    assert!(lake.store.create(STATE, b"state").is_err());
    assert_eq!(content_of(&lake, STATE), None);
    folder.call_log().calls.clear();
    assert!(lake.store.create(STATE, b"state").unwrap());
    let partition = folder.path(FILE).parent().unwrap().to_owned();
    assert!(folder.call_log().calls.contains(&("sync folder", partition)));
}

#[test]
fn a_table_on_another_file_system_is_staged_beside_its_target() {
    let (_above, lake, folder) = folder_lake();
    folder.call_log().failing = Some(("rename", ErrorKind::CrossesDevices));
    let put = put_bytes(&lake, FILE, &Expected::Nothing, b"rows").unwrap();
    assert_eq!(put.checksum, xxh3_64(b"rows"));
    assert_eq!(lake.store.stat(FILE).unwrap(), Some(put.version));
    assert_eq!(content_of(&lake, FILE).unwrap(), b"rows");
    assert_eq!(lake.store.files("tickets").unwrap().len(), 1);
    assert_eq!(staged(&lake).unwrap(), 0);
    let calls = std::mem::take(&mut folder.call_log().calls);
    let renamed = calls.iter().rposition(|(operation, _)| *operation == "rename").unwrap();
    let synced = calls[..renamed].iter().rfind(|(operation, _)| *operation == "sync").unwrap();
    assert_eq!(synced.1.parent(), folder.path(FILE).parent());
    assert!(synced.1.file_name().unwrap().to_str().unwrap().starts_with('.'));

    // A run that died before the rename.
    std::fs::rename(folder.path(FILE), &synced.1).unwrap();
    assert_eq!(sweep(&lake).unwrap(), 1);
    assert_eq!(lake.store.files("tickets").unwrap(), []);
}

#[test]
fn a_file_is_moved_to_another_file_system() {
    let (_above, lake, folder) = folder_lake();
    put_bytes(&lake, FILE, &Expected::Nothing, b"rows").unwrap();
    folder.call_log().failing = Some(("rename", ErrorKind::CrossesDevices));
    lake.store.rename(Path::new(FILE), Path::new("_ticketlake/aside/file")).unwrap();
    assert_eq!(content_of(&lake, "_ticketlake/aside/file").unwrap(), b"rows");
    assert_eq!(lake.store.stat(FILE).unwrap(), None);
}

#[test]
fn the_folder_above_a_lake_may_not_be_ours_to_open() {
    let (above, lake, folder) = folder_lake();
    // It is the first in the order of names.
    folder.call_log().failing = Some(("sync folder", ErrorKind::PermissionDenied));
    assert!(lake.store.create(STATE, b"state").unwrap());
    let call_log = folder.call_log();
    let synced: Vec<_> = call_log.calls.iter().filter(|(operation, _)| *operation == "sync folder").collect();
    assert_eq!(synced.first().unwrap().1, above.path());
}
