//! Files written here byte by byte, as the format is published; files of ours; damaged ones.

use super::super::tests::{any_value, every_encoding, shown, string};
use super::super::{crc64, dump, open, restore, types, Damage, Kind, Writer, NEWEST};
use super::*;
use crate::bytes::Rng;
use crate::keyspace::{Expiry, Keyspace, Order, Policy, Used};

/// The clock of all tests, in milliseconds since 1970.
const NOW: i64 = 1_700_000_000_000;

fn empty() -> Keyspace {
    let mut space = Keyspace::new(16, 7);
    space.set_clock(NOW * 1000);
    space
}

/// A file's bytes, piece by piece.
struct File(Vec<u8>);

impl File {
    fn new(version: u16) -> Self {
        File(format!("REDIS{version:04}").into_bytes())
    }

    fn op(mut self, op: u8, rest: &[u8]) -> Self {
        self.0.push(op);
        self.0.extend_from_slice(rest);
        self
    }

    /// A key with this body: a type and a value.
    fn key(self, key: &str, body: &[u8]) -> Self {
        self.op(body[0], &[&string(key.as_bytes()), &body[1..]].concat())
    }

    fn text(self, key: &str, text: &str) -> Self {
        self.key(key, &[&[types::STRING][..], &string(text.as_bytes())].concat())
    }

    /// The end without the checksum of versions before 5.
    fn ended(self) -> Vec<u8> {
        self.op(ops::EOF, &[]).0
    }

    fn sealed(self) -> Vec<u8> {
        let mut file = self.ended();
        let sum = crc64(0, &file);
        file.extend_from_slice(&sum.to_le_bytes());
        file
    }
}

/// Reads a file handed in by pieces of `piece` bytes: what was found, and what stood behind its end.
fn feed(space: &mut Keyspace, reader: &mut FileReader, file: &[u8], piece: usize) -> Result<Vec<u8>, Damage> {
    for (at, bytes) in file.chunks(piece).enumerate() {
        if let Some(mut rest) = reader.feed(bytes, false, space)? {
            rest.extend_from_slice(&file[file.len().min((at + 1) * piece)..]);
            return Ok(rest);
        }
    }
    Ok(reader.feed(&[], true, space)?.expect("an end or an error"))
}

fn read_into(space: &mut Keyspace, file: &[u8], piece: usize) -> Result<(Report, Vec<u8>), Damage> {
    let mut reader = FileReader::new(false);
    let rest = feed(space, &mut reader, file, piece)?;
    Ok((reader.report, rest))
}

/// Everything in a keyspace as text, sorted.
fn listing(space: &Keyspace) -> Vec<String> {
    let mut all = Vec::new();
    for db in 0..space.databases() {
        for entry in space.database(db).iter() {
            let expiry = entry.expire_at().map_or(String::new(), |at| format!("@{at}"));
            all.push(format!("{db} {}{expiry} {}", entry.key().escape_ascii(), shown(entry.value())));
        }
    }
    all.sort();
    all
}

/// What a file reads as.
fn read(file: &[u8]) -> Result<Vec<String>, Damage> {
    let mut space = empty();
    read_into(&mut space, file, usize::MAX)?;
    Ok(listing(&space))
}

/// A module type's number, as it stands in files.
fn module(name: &[u8; 9], version: u64) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = |letter| letters.iter().position(|other| other == letter).expect("a letter of modules") as u64;
    let id = name.iter().fold(0, |id, letter| id << 6 | place(letter)) << 10 | version;
    [&[0x81][..], &id.to_be_bytes()].concat()
}

#[test]
fn every_version_and_every_encoding_reads_in_pieces_of_any_size() {
    let encodings = every_encoding();
    for version in 1..=NEWEST {
        let mut file = File::new(version);
        let mut wanted = Vec::new();
        for (number, (body, text)) in encodings.iter().enumerate() {
            file = file.key(&format!("key:{number:03}"), body);
            wanted.push(format!("0 key:{number:03} {text}"));
        }
        let mut file = if version < 5 { file.ended() } else { file.sealed() };
        file.extend_from_slice(b"*1\r\n");
        for piece in [1, 2, 7, 100, 1000, usize::MAX] {
            let mut space = empty();
            let (report, rest) = read_into(&mut space, &file, piece).expect("a sound file");
            assert_eq!(rest, b"*1\r\n", "version {version}, pieces of {piece}");
            assert_eq!(listing(&space), wanted);
            assert_eq!(report, Report { version, keys: encodings.len() as u64, ..Report::default() });
        }
    }
}

#[test]
fn what_stands_between_the_keys_is_taken_in() {
    let later = (NOW + 5000).to_le_bytes();
    let module = [&module(b"ReJSON-RL", 3)[..], b"\x02\x02\x01\x40\x50\x03abcd\x04abcdefgh\x05\x02hi\x00"].concat();
    let library = string(b"#!lua name=l\n");
    let file = File::new(12)
        .op(ops::AUX, &[string(b"redis-ver"), string(b"7.4.0")].concat())
        .op(ops::MODULE_AUX, &module)
        .op(ops::FUNCTION, &library)
        .op(ops::SELECT, b"\x00")
        .op(ops::RESIZE, b"\x02\x01")
        .op(ops::SLOT_INFO, b"\x01\x02\x00")
        .op(ops::EXPIRE_MS, &later)
        .op(ops::IDLE, b"\x40\x64")
        .text("a", "1")
        .op(ops::FREQUENCY, b"\x07")
        .text("b", "2")
        .op(ops::SELECT, b"\x0f")
        .op(ops::EXPIRE, &2_000_000_000i32.to_le_bytes())
        .text("c", "3")
        .sealed();
    let mut space = empty();
    let (report, rest) = read_into(&mut space, &file, 3).expect("a sound file");
    assert!(rest.is_empty());
    assert_eq!(listing(&space), ["0 a@1700000005000 int 1", "0 b int 2", "15 c@2000000000000 int 3"]);
    assert_eq!((report.keys, report.functions, report.modules), (3, 1, vec!["ReJSON-RL".into()]));
    assert_eq!(space.keys(0).used(b"a").idle, Some(100));
    assert_eq!(space.keys(0).used(b"b").idle, Some(0));
}

#[test]
fn keys_whose_time_has_come_are_left_out_unless_a_log_goes_on_about_them() {
    let body = |file: File| {
        file.op(ops::EXPIRE_MS, &(NOW - 1).to_le_bytes())
            .text("past", "1")
            .op(ops::EXPIRE, &(-1i32).to_le_bytes())
            .text("long past", "2")
            .op(ops::EXPIRE_MS, &NOW.to_le_bytes())
            .text("now", "3")
            .text("never", "4")
            .sealed()
    };
    let mut space = empty();
    let (report, _) = read_into(&mut space, &body(File::new(9)), 10).expect("a sound file");
    assert_eq!((report.keys, report.expired), (2, 2));
    for name in ["aof-preamble", "aof-base"] {
        let mut space = empty();
        space.holds_expiry = true;
        let file = File::new(10).op(ops::AUX, &[string(name.as_bytes()), b"\xc0\x01".to_vec()].concat());
        let (report, _) = read_into(&mut space, &body(file), 10).expect("a sound file");
        assert_eq!((report.keys, report.expired), (4, 0));
        assert_eq!(space.keys(0).expiry(b"past"), Some(Some(NOW - 1)));
        // A log can still say that it stays; and once it is over, what is due goes.
        space.keys(0).set_expiry(b"long past", None);
        space.holds_expiry = false;
        assert_eq!(space.keys(0).expiry(b"past"), None);
        assert_eq!(space.keys(0).expiry(b"long past"), Some(None));
    }
}

#[test]
fn aggregates_without_elements_are_left_out() {
    let empty_pack = string(b"\x07\0\0\0\0\0\xff");
    let mut file = File::new(10);
    for (number, kind) in [types::LIST, types::SET, types::ZSET, types::ZSET_2, types::HASH].into_iter().enumerate() {
        file = file.key(&format!("plain {number}"), &[kind, 0]);
    }
    for kind in [types::HASH_LISTPACK, types::ZSET_LISTPACK, types::SET_LISTPACK] {
        file = file.key(&format!("packed {kind}"), &[&[kind][..], &empty_pack].concat());
    }
    let file = file
        .key("quicklist", &[&[types::LIST_QUICKLIST_2, 1, 2][..], &empty_pack].concat())
        .key("intset", &[&[types::SET_INTSET][..], &string(b"\x02\0\0\0\0\0\0\0")].concat())
        .op(ops::EXPIRE_MS, &(NOW + 1).to_le_bytes())
        .key("timed", &[&[types::HASH_METADATA][..], &[0; 8], &[0]].concat())
        .text("a", "stays")
        .sealed();
    let mut space = empty();
    let (report, _) = read_into(&mut space, &file, 5).expect("a sound file");
    assert_eq!((report.keys, report.empty), (1, 11));
    assert_eq!(listing(&space), ["0 a embstr stays"]);
}

#[test]
fn damage_is_named_with_its_place_and_its_key() {
    let sound = File::new(10).text("a", "1").sealed();
    let mut broken = sound.clone();
    broken[13] = b'2';
    let module = [&[types::MODULE_2][..], &module(b"MBbloom--", 4)].concat();
    for (file, offset, kind, key) in [
        (b"REDIS001".to_vec(), 8, Kind::Truncated, None),
        (b"RADIS0010".to_vec(), 0, Kind::Magic, None),
        (b"REDIS00+1".to_vec(), 0, Kind::Magic, None),
        (b"REDIS0000".to_vec(), 0, Kind::Version(0), None),
        (b"REDIS0013".to_vec(), 0, Kind::Version(13), None),
        (b"REDIS9999".to_vec(), 0, Kind::Version(9999), None),
        (b"REDIS0010".to_vec(), 9, Kind::Truncated, None),
        (File::new(10).op(0xF6, b"").ended(), 9, Kind::Operation(0xF6), None),
        (File::new(10).op(0xF4 - 1, b"\x01k").ended(), 12, Kind::Type(0xF3), Some("k")),
        (File::new(10).op(ops::SELECT, b"\x10").ended(), 9, Kind::Database(16), None),
        (File::new(10).text("a", "1").text("a", "2").ended(), 15, Kind::DoubledKey, Some("a")),
        (File::new(10).op(ops::MODULE_AUX, b"\x01\x02\x01\x06").ended(), 13, Kind::Nested("module's data"), None),
        (File::new(10).key("k", &module).ended(), 12, Kind::Module("MBbloom--".into()), Some("k")),
        (File::new(10).key("k", b"\x10\x03abc").ended(), 12, Kind::Nested("listpack"), Some("k")),
        (File::new(10).key("k", b"\x00\x81\x7f\0\0\0\0\0\0\0").ended(), 21, Kind::TooLarge, Some("k")),
        (File::new(10).text("a", "1").ended(), 15, Kind::Truncated, None),
        (broken, 15, Kind::Checksum, None),
    ] {
        for piece in [1, usize::MAX] {
            let mut reader = FileReader::new(false);
            let found = feed(&mut empty(), &mut reader, &file, piece).expect_err("damage");
            let text = file.escape_ascii();
            assert_eq!((found.offset, &found.kind), (offset, &kind), "{text}: {found}");
            assert_eq!(reader.key().map(|(_, key)| key), key.map(str::as_bytes), "{text}");
        }
    }
    // A sum of 0 says that nobody made one.
    let unchecked = [&File::new(10).text("a", "1").ended()[..], &[0; 8]].concat();
    assert_eq!(read(&unchecked).expect("a sound file"), ["0 a int 1"]);
}

/// A small file with a bit of everything.
fn small() -> File {
    let mut file = File::new(10)
        .op(ops::AUX, &[string(b"ctime"), b"\xc2\0\0\0\x60".to_vec()].concat())
        .op(ops::SELECT, b"\x00")
        .op(ops::RESIZE, b"\x05\x01")
        .op(ops::EXPIRE_MS, &(NOW + 1000).to_le_bytes());
    for (number, (body, _)) in every_encoding().into_iter().enumerate() {
        if body.len() < 28 {
            file = file.key(&format!("k{number}"), &body);
        }
    }
    file
}

#[test]
fn every_length_cut_is_refused() {
    let file = small().sealed();
    for length in 0..file.len() {
        let damage = read(&file[..length]).expect_err("the end is missing");
        assert_eq!((damage.offset, &damage.kind), (length as u64, &Kind::Truncated));
    }
    read(&file).expect("the whole is sound");
}

#[test]
fn every_bit_flipped_is_refused_or_reads_as_something_sound() {
    let sealed = small().sealed();
    let unchecked = [&small().ended()[..], &[0; 8]].concat();
    let limits = empty().limits;
    let mut sound = 0;
    for bit in 0..sealed.len() * 8 {
        let mut file = sealed.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        // A version without a checksum is another file, to which the sum does not belong.
        let version = std::str::from_utf8(&file[5..9]).ok().and_then(|digits| digits.parse().ok());
        if version.is_none_or(|version: u16| version >= 5) {
            assert!(read_into(&mut empty(), &file, 4096).is_err(), "bit {bit}");
        }
        let mut file = unchecked.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        let mut space = empty();
        if read_into(&mut space, &file, 4096).is_err() {
            continue;
        }
        sound += 1;
        for db in 0..space.databases() {
            for entry in space.database(db).iter() {
                let again = restore(open(&dump(entry.value())).expect("a footer"), &limits).expect("a value");
                let words = |text: String| text.split_once(' ').map(|(_, rest)| rest.to_owned());
                assert_eq!(words(shown(again.view())), words(shown(entry.value())));
            }
        }
        if sound % 50 == 0 {
            read_into(&mut empty(), &write(&space, 1), 11).expect("our own");
        }
    }
    assert!(sound > 300, "{sound}");
}

#[test]
fn a_stated_length_is_not_believed() {
    for (kind, count) in [
        (types::LIST, &b"\x80\x7f\xff\xff\xff"[..]),
        (types::HASH, b"\x80\x7f\xff\xff\xff"),
        (types::STRING, b"\x80\x7f\xff\xff\xff"),
        (types::STRING, b"\xc3\x80\x7f\xff\xff\xff\x81\0\0\0\x02\0\0\0\0"),
        (types::STRING, b"\xc3\x02\x81\0\0\0\x02\0\0\0\0\x1f"),
        (types::STREAM_LISTPACKS_2, b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff"),
        (types::HASH_METADATA, b"\0\0\0\0\0\0\0\0\x81\x7f\xff\xff\xff\xff\xff\xff\xff"),
    ] {
        let file = File::new(10).key("k", &[&[kind][..], count].concat()).0;
        let mut reader = FileReader::new(false);
        for bytes in [&file[..], &[0x10; 5000]] {
            if reader.feed(bytes, false, &mut empty()).is_err() {
                break;
            }
        }
        assert!(reader.held() < 20_000, "type {kind} made the reader hold {} bytes", reader.held());
        assert!(reader.feed(&[], true, &mut empty()).is_err());
    }
}

/// A keyspace with keys of all types in some databases.
fn filled(rng: &mut Rng, keys: usize) -> Keyspace {
    let mut space = empty();
    for number in 0..keys {
        let db = [0, 0, 3, 15][rng.below(4)];
        // What a dump brings into its tightest form is there first.
        let limits = space.limits;
        let value = restore(open(&dump(any_value(rng, &limits).view())).expect("a footer"), &limits).expect("a value");
        let expiry = if rng.below(3) == 0 { Expiry::At(NOW + 1 + rng.below(1_000_000) as i64) } else { Expiry::Never };
        space.keys(db).put_until(format!("key:{number}").as_bytes(), value, expiry);
    }
    space
}

/// The file of a keyspace, written in pieces of `least` bytes at least.
fn write(space: &Keyspace, least: usize) -> Vec<u8> {
    let mut writer = FileWriter::default();
    let mut file = Vec::new();
    loop {
        let piece = writer.next(space, least);
        if piece.is_empty() {
            return file;
        }
        file.extend_from_slice(&piece);
    }
}

#[test]
fn what_is_written_reads_the_same() {
    let mut rng = Rng::new(3);
    for round in 0..8 {
        let space = filled(&mut rng, 20 * round);
        let file = write(&space, [1, 1000, usize::MAX][round % 3]);
        assert_eq!(file, write(&space, 70), "round {round}");
        let mut again = empty();
        let (report, rest) = read_into(&mut again, &file, 1 + rng.below(5000)).expect("our own");
        assert!(rest.is_empty());
        assert_eq!(report.keys, 20 * round as u64);
        assert_eq!(listing(&again), listing(&space));
    }
}

#[test]
fn a_file_is_of_version_12_where_fields_expire() {
    let mut space = empty();
    let limits = space.limits;
    space.keys(0).put(b"plain", restore(b"\x04\x01\x01f\x01v", &limits).expect("a hash"));
    let version = |space: &Keyspace| write(space, 100)[5..9].to_vec();
    assert_eq!(version(&space), b"0010");
    let hash = restore(b"\x18\x00\0\0\0\x90\x01\0\0\x01\x01\x01f\x01v", &limits).expect("a hash");
    space.keys(3).put(b"timed", hash);
    assert_eq!(version(&space), b"0012");
}

#[test]
fn keys_are_written_once_and_whole_while_others_write() {
    let mut rng = Rng::new(5);
    let mut space = filled(&mut rng, 500);
    let kept = listing(&space);
    let mut writer = FileWriter::default();
    let mut file = Vec::new();
    for turn in 0.. {
        let piece = writer.next(&space, 1);
        if piece.is_empty() {
            break;
        }
        file.extend_from_slice(&piece);
        for db in [0, 3, 15] {
            space.keys(db).put(format!("new:{turn}").as_bytes(), crate::keyspace::Value::string(b"x"));
            space.keys(db).delete(format!("new:{}", turn / 2).as_bytes());
        }
    }
    let mut again = empty();
    read_into(&mut again, &file, 4096).expect("no key twice");
    let read: Vec<String> = listing(&again).into_iter().filter(|line| !line.contains(" new:")).collect();
    assert_eq!(read, kept);
}

#[test]
fn what_eviction_goes_by_is_written_and_due_keys_are_not() {
    for (order, idle, frequency) in [
        (Some(Order::LeastRecent), Some(70), None),
        (Some(Order::LeastFrequent), None, Some(200)),
        (Some(Order::Random), Some(0), None),
        (None, Some(0), None),
    ] {
        let mut space = empty();
        space.set_policy(Policy { volatile_only: false, order });
        space.keys(0).put_string(b"due", b"1", Expiry::At(NOW + 10));
        space.keys(0).put_string(b"kept", b"2", Expiry::Never);
        space.keys(0).set_use(b"kept", Some(40), Some(200));
        space.set_clock((NOW + 30_000) * 1000);
        let mut writer = FileWriter::default();
        let file = writer.next(&space, usize::MAX);
        assert!(writer.next(&space, usize::MAX).is_empty());
        let mut again = empty();
        again.set_clock((NOW + 30_000) * 1000);
        again.set_policy(Policy { volatile_only: false, order });
        assert_eq!(read_into(&mut again, &file, 100).expect("our own").0.keys, 1);
        assert_eq!(again.keys(0).used(b"kept"), Used { idle, frequency });
    }
}

#[test]
fn keys_are_replaced_where_that_is_asked_for_and_whoever_repeats_changes_is_told() {
    let mut space = empty();
    space.changes.record_effects = true;
    space.changes.record_touched = true;
    space.keys(0).put_string(b"a", b"old", Expiry::At(NOW + 1));
    space.keys(0).put_string(b"b", b"stays", Expiry::Never);
    let file = File::new(10)
        .text("a", "new")
        .op(ops::EXPIRE_MS, &(NOW + 9).to_le_bytes())
        .key("l", &every_encoding()[8].0)
        .sealed();
    let mut reader = FileReader::new(true);
    feed(&mut space, &mut reader, &file, 4).expect("a sound file");
    assert_eq!(listing(&space), ["0 a embstr new", "0 b embstr stays", "0 l@1700000000009 listpack a 5 "]);
    assert_eq!(space.changes.touched.len(), 2);
    assert_eq!(space.changes.dirty, 2);
    let mut told: Vec<String> = Vec::new();
    for effect in std::mem::take(&mut space.changes.effects) {
        let words = effect.argv.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
        assert_eq!([&words[0][..], &words[4], &words[5]], [&b"RESTORE"[..], b"REPLACE", b"ABSTTL"]);
        let value = restore(open(&words[3]).expect("a footer"), &space.limits).expect("a value");
        let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        told.push(format!("{} {} {} {}", effect.db, text(&words[1]), text(&words[2]), shown(value.view())));
    }
    assert_eq!(told, ["0 a 0 embstr new", "0 l 1700000000009 listpack a 5 "]);
}

#[test]
fn a_value_in_many_pieces_is_not_begun_too_often() {
    let mut writer = Writer::new();
    writer.length(200_000);
    (0..200_000).for_each(|number| writer.number(number));
    let file = File::new(10).key("big", &[&[types::SET][..], writer.bytes()].concat()).sealed();
    let started = std::time::Instant::now();
    let mut space = empty();
    read_into(&mut space, &file, 500).expect("a sound file");
    assert_eq!(space.keys(0).peek(b"big").expect("a key").value().len(), 200_000);
    // About 1,800 pieces: begun anew with each it would take minutes.
    assert!(started.elapsed().as_secs() < 20);
}
