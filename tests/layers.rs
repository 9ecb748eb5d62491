//! The ladder: `src` lists its rooms lowest first, and a room imports only rooms listed before it.

use std::fs;
use std::path::Path;

/// The rooms in the order of `src/lib.rs`.
fn rooms() -> Vec<String> {
    let lib = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let rooms: Vec<String> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned)).collect();
    assert!(rooms.len() > 5, "src/lib.rs lists its rooms as `pub mod name;`");
    rooms
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a room's folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).expect("a source")));
        }
    }
}

#[test]
fn no_room_imports_upward() {
    let rooms = rooms();
    for (at, room) in rooms.iter().enumerate() {
        let mut files = Vec::new();
        sources(&Path::new("src").join(room), &mut files);
        assert!(!files.is_empty(), "{room} is empty");
        for (name, text) in files {
            // A room's tests may look further up: they stand in for those who use it.
            if name.contains("tests") {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                let line = line.trim_start();
                if line.starts_with("//") {
                    continue;
                }
                for higher in &rooms[at + 1..] {
                    let reaches =
                        line.contains(&format!("crate::{higher}::")) || line.contains(&format!("crate::{higher};"));
                    assert!(!reaches, "{name}:{}: {room} imports {higher}, which stands above it", number + 1);
                }
            }
        }
    }
}

#[test]
fn only_the_wasm_room_knows_the_target() {
    for room in rooms().iter().filter(|room| *room != "wasm") {
        let mut files = Vec::new();
        sources(&Path::new("src").join(room), &mut files);
        for (name, text) in files {
            assert!(!text.contains("target_arch"), "{name}: native tests must prove what wasm runs");
        }
    }
}
