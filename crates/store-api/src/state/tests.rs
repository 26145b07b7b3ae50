use super::*;

fn file(directory: &Path) -> PathBuf {
    directory.join("state.redb")
}

#[test]
fn keeps_namespaces_apart_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateFile::open(directory.path()).unwrap();
    assert_eq!(state.get("genesys", "a").unwrap(), None);
    assert_eq!(state.scan("genesys", "").unwrap(), []);
    state.put("genesys", "a/1", b"one").unwrap();
    state.put("genesys", "a/2", b"two").unwrap();
    state.put("genesys", "b", b"three").unwrap();
    state.put("settings", "a/1", b"other").unwrap();
    drop(state);
    let state = StateFile::open(directory.path()).unwrap();
    let keys = |prefix| {
        let found = state.scan("genesys", prefix).unwrap();
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(keys(""), ["a/1", "a/2", "b"]);
    assert_eq!(keys("a/"), ["a/1", "a/2"]);
    assert_eq!(state.get("settings", "a/1").unwrap().as_deref(), Some(b"other".as_slice()));
    state.delete("genesys", "a/1").unwrap();
    assert_eq!(keys(""), ["a/2", "b"]);
}

#[test]
fn changes_are_made_together() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateFile::open(directory.path()).unwrap();
    state.put("n", "old", b"1").unwrap();
    let change = |key, value| Change { namespace: "n", key, value };
    state.commit(&[change("old", None), change("new", Some(b"2")), change("new", Some(b"3"))]).unwrap();
    assert_eq!(state.scan("n", "").unwrap(), [("new".to_owned(), b"3".to_vec())]);
}

/// What a kill leaves behind is the file as it is on disk, while the process that wrote it is still there.
#[test]
fn what_was_committed_survives_a_kill() {
    let (directory, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = StateFile::open(directory.path()).unwrap();
    for n in 0..20u8 {
        state.put("n", &n.to_string(), &[n]).unwrap();
        std::fs::copy(file(directory.path()), file(copy.path())).unwrap();
        let after = StateFile::open(copy.path()).unwrap();
        assert_eq!(after.scan("n", "").unwrap().len(), usize::from(n) + 1);
    }
}

#[test]
fn two_cannot_use_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let _first = StateFile::open(directory.path()).unwrap();
    assert!(matches!(StateFile::open(directory.path()), Err(StoreError::InUse { .. })));
}

#[test]
fn a_damaged_file_says_so_and_how_to_mend_it() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateFile::open(directory.path()).unwrap();
    state.put("n", "key", &[7; 10_000]).unwrap();
    drop(state);
    let sound = std::fs::read(file(directory.path())).unwrap();
    for (what, bytes) in [
        ("another format", b"not a database at all".repeat(500)),
        ("cut off", sound[..5000].to_vec()),
        ("zeroed head", [vec![0; 4096], sound[4096..].to_vec()].concat()),
    ] {
        std::fs::write(file(directory.path()), bytes).unwrap();
        let error = StateFile::open(directory.path()).err().expect(what).to_string();
        assert!(error.contains("state.redb is damaged") && error.contains("backup"), "{what}: {error}");
    }
}

/// Whatever byte the disk garbles: the data as it was, or an error.
#[test]
fn a_garbled_byte_is_never_taken_for_data() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateFile::open(directory.path()).unwrap();
    for n in 0..50u32 {
        state.put("n", &n.to_string(), &[7; 300]).unwrap();
    }
    drop(state);
    let sound = std::fs::read(file(directory.path())).unwrap();
    let mut damaged = 0;
    for at in (0..512).step_by(9).chain((512..sound.len().min(80_000)).step_by(1999)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x55;
        std::fs::write(file(directory.path()), bytes).unwrap();
        match StateFile::open(directory.path()) {
            Ok(state) => {
                let found = state.scan("n", "").unwrap();
                assert!(found.len() == 50 && found.iter().all(|(_, value)| value == &[7; 300]), "byte {at}");
            }
            Err(error) => {
                damaged += 1;
                assert!(matches!(error, StoreError::Damaged { .. }), "byte {at}: {error}");
            }
        }
    }
    assert!(damaged > 0, "the check looks at the file");
}
