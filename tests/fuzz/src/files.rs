//! RDB files: refused with a place within the file, or read into keys that are written out again and read once more.

use cachelet::catalog;
use cachelet::engine::{Engine, Setup};
use cachelet::rdb;
use cachelet::rdb::file::{FileWriter, MAGIC};

/// Most bytes that a piece of a file has here.
const PIECE: usize = 64;

fn engine() -> Engine {
    Engine::new(catalog::table(), Setup { seed: 1, now_us: 1_700_000_000_000_000, ..Setup::default() })
}

/// Reads a file in pieces of `size` bytes; whether it was sound.
fn import(engine: &mut Engine, file: &[u8], size: usize, replaces: bool) -> bool {
    let session = engine.open(true);
    engine.begin_import(session, replaces);
    let mut ended = false;
    let mut sound = true;
    for piece in file.chunks(size).chain([&[][..]]) {
        match engine.import(piece, piece.is_empty()) {
            Ok(rest) => ended = rest.is_some(),
            Err(damage) => {
                assert!(damage.offset <= file.len() as u64, "{damage}");
                sound = false;
            }
        }
        if ended || !sound {
            break;
        }
    }
    assert!(ended || !sound);
    engine.end_import();
    engine.close(session);
    sound
}

fn export(engine: &Engine) -> Vec<u8> {
    let mut writer = FileWriter::default();
    let mut file = Vec::new();
    loop {
        let piece = writer.next(&engine.keyspace, 100);
        if piece.is_empty() {
            return file;
        }
        file.extend_from_slice(&piece);
    }
}

fn keys(engine: &Engine) -> usize {
    (0..engine.keyspace.databases()).map(|db| engine.keyspace.database(db).len()).sum()
}

/// The first byte says how the rest is read: bit 0 puts an end with its checksum behind it, bit 1 has keys replaced, the others are
/// the size of the pieces.
pub fn run(input: &[u8]) {
    let Some((&how, body)) = input.split_first() else { return };
    let mut file = body.to_vec();
    if how & 1 != 0 {
        file.push(0xFF);
        let sum = rdb::crc64(0, &file);
        file.extend_from_slice(&sum.to_le_bytes());
    }
    let mut first = engine();
    if import(&mut first, &file, 1 + how as usize / 4 % PIECE, how & 2 != 0) {
        let written = export(&first);
        let mut second = engine();
        assert!(import(&mut second, &written, 1000, false), "{}", written.escape_ascii());
        // What was due meanwhile is neither written nor kept.
        assert_eq!(keys(&second), keys(&first));
        assert_eq!(export(&second).len(), written.len());
    }
    super::serves_the_next(&mut first);
}

/// Files of all types of values, and what may stand between keys.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let file = |how: u8, rest: &[&[u8]]| [&[how], &MAGIC[..], &rest.concat()].concat();
    for (number, body) in super::payloads::body_seeds().iter().enumerate() {
        let (kind, value) = body.split_at(1);
        seeds.push(file(number as u8 | 1, &[b"0012", kind, b"\x01k", value, kind, b"\x01l", value]));
    }
    let between: &[&[u8]] = &[
        b"0010\xfa\x05ctime\xc2\0\0\0\x60\xfe\x03\xfb\x02\x01\xf8\x05\xfc\0\0\0\0\0\x40\0\0\0\x01a\x011\xf9\x07\0\x01b\x012",
        b"0010\xfa\x08aof-base\xc0\x01\xfd\0\0\0\x01\0\x01a\x011\xf5\x03lib\xf4\x01\x02\x03",
        b"0012\xf7\x81\x2d\xb6\x21\xb6\x3b\x6f\x2c\x01\x02\x02\x01\x40\x50\x03abcd\x04abcdefgh\x05\x02hi\x00",
    ];
    seeds.extend(between.iter().map(|rest| file(41, &[rest])));
    seeds.push(file(40, &[b"0001\0\x01a\x011\xff"]));
    seeds.push(file(40, &[b"0009\0\x01a\x011\xff\0\0\0\0\0\0\0\0behind"]));
    seeds
}
