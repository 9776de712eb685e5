//! The fuzz targets over their committed corpora, so that what a fuzzer once found stays mended without one.

use std::{fs, path::PathBuf};

use proof::fuzz::TARGETS;

const INPUTS_LEAST: usize = 4;
/// A corpus is for reading, too.
const INPUT_BYTES_MAX: usize = 64 * 1024;

fn corpora() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

#[test]
fn every_target_holds_over_its_corpus() {
    for target in TARGETS {
        let folder = corpora().join(target.name);
        let inputs = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for input in inputs {
            let path = input.expect("the folder can be read").path();
            let bytes = fs::read(&path).expect("the input can be read");
            assert!(bytes.len() <= INPUT_BYTES_MAX, "{} is too large", path.display());
            // A panic says what; this says which.
            let held = std::panic::catch_unwind(|| (target.run)(&bytes));
            assert!(held.is_ok(), "{} breaks {}", path.display(), target.name);
            count += 1;
        }
        assert!(count >= INPUTS_LEAST, "{} has {count} inputs", target.name);
    }
}

#[test]
fn every_corpus_has_its_target() {
    for folder in fs::read_dir(corpora()).expect("the corpora are there") {
        let name = folder.expect("the folder can be read").file_name();
        assert!(TARGETS.iter().any(|target| name == target.name), "nobody reads {name:?}");
    }
}
