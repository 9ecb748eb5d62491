//! Reading files into a keyspace.

use super::super::{crc64, read::module_name, seal, types, Damage, Kind, Reader, NEWEST};
use super::{ops, MAGIC};
use crate::bytes::number::I64_TEXT;
use crate::keyspace::{Expiry, Keyspace};

/// Bytes of the header.
const HEADER: u64 = 9;

/// First version with a checksum.
const CHECKED: u16 = 5;

/// Longest string or nested encoding that is waited for, in bytes: none of ours is longer.
const LONGEST: u64 = 1 << 31;

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Version of the format; 0 before it is known.
    pub version: u16,
    /// Keys that were read into the keyspace.
    pub keys: u64,
    /// Keys that were left out because their time had come.
    pub expired: u64,
    /// Keys that were left out because their value was an aggregate without elements, which a bug of old servers wrote.
    pub empty: u64,
    /// Function libraries, which were left out.
    pub functions: u64,
    /// Names of modules whose data beside the keys was left out, as often as there was some.
    pub modules: Vec<Box<str>>,
}

/// Reads a file that comes in pieces.
#[derive(Default)]
pub struct FileReader {
    /// What was found so far.
    pub report: Report,
    replaces: bool,
    /// What was handed in and is not whole yet. It stands at `offset` of the file, and is looked at again once it is `wanted`
    /// bytes.
    pending: Vec<u8>,
    wanted: usize,
    offset: u64,
    /// The file is the first part of an append log.
    preamble: bool,
    /// Checksum of what was read.
    sum: u64,
    db: usize,
    /// What is known of the key that follows.
    expire_at: Option<i64>,
    idle: Option<u64>,
    frequency: Option<u8>,
    /// The string that was read last, and whether it is the key of the value that is being read.
    word: Vec<u8>,
    in_value: bool,
}

impl FileReader {
    /// A reader at the beginning of a file. Keys that are there already are replaced when `replaces`, else they are
    /// doubled ones, and the file is refused.
    pub fn new(replaces: bool) -> Self {
        FileReader { replaces, ..FileReader::default() }
    }

    /// Reads on: `bytes` follow those of the last call. What is whole goes into `space`. Once the file has ended, the bytes that
    /// stand behind it. With the `last` bytes a file that has not ended is an error. After an error the reader is of no more use.
    ///
    /// # Cost
    /// O(bytes), about three times as much for values that come in many pieces: those are begun anew.
    pub fn feed(&mut self, bytes: &[u8], last: bool, space: &mut Keyspace) -> Result<Option<Vec<u8>>, Damage> {
        let mut pending = std::mem::take(&mut self.pending);
        if pending.try_reserve(bytes.len()).is_err() {
            return Err(Damage::new(self.offset, Kind::TooLarge));
        }
        pending.extend_from_slice(bytes);
        if pending.len() >= self.wanted || last {
            let (done, ended) = self.items(&pending, last, space)?;
            pending.drain(..done);
            if ended {
                return Ok(Some(pending));
            }
        }
        self.pending = pending;
        Ok(None)
    }

    /// Reads what is whole at the start of `bytes`; how many bytes that is, and whether the end was among them.
    fn items(&mut self, bytes: &[u8], last: bool, space: &mut Keyspace) -> Result<(usize, bool), Damage> {
        let mut reader = Reader::within(bytes, self.offset);
        loop {
            let start = reader.position();
            match self.item(&mut reader, bytes, space) {
                Ok(false) => {}
                Ok(true) => return Ok((reader.position(), true)),
                Err(damage) if damage.kind == Kind::Truncated => {
                    if last {
                        return Err(Damage::new(self.offset + bytes.len() as u64, Kind::Truncated));
                    }
                    let wanted = reader.wanted().saturating_sub(start as u64);
                    if wanted > LONGEST {
                        return Err(Damage::new(damage.offset, Kind::TooLarge));
                    }
                    self.wanted = (wanted as usize).max((bytes.len() - start) / 2 * 3);
                    self.sum = crc64(self.sum, &bytes[..start]);
                    self.offset += start as u64;
                    return Ok((start, false));
                }
                Err(damage) => return Err(damage),
            }
        }
    }

    /// Where it stands in the file: everything before was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Database and name of the key whose value is being read; `None` where it is something else.
    pub fn key(&self) -> Option<(usize, &[u8])> {
        self.in_value.then_some((self.db, &self.word))
    }

    /// Bytes of the file that it holds.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.pending.capacity()
    }

    /// Reads a string.
    #[inline(never)]
    fn word(&mut self, reader: &mut Reader) -> Result<(), Damage> {
        let text = reader.string()?;
        self.word.clear();
        self.word.extend_from_slice(text.bytes(&mut [0; I64_TEXT]));
        Ok(())
    }

    /// One item; true when it was the end.
    fn item(&mut self, reader: &mut Reader, bytes: &[u8], space: &mut Keyspace) -> Result<bool, Damage> {
        self.in_value = false;
        let at = reader.position();
        if self.report.version == 0 {
            self.report.version = header(reader)?;
            return Ok(false);
        }
        let op = reader.byte()?;
        match op {
            ops::SELECT => {
                let db = reader.length()?;
                if db >= space.databases() as u64 {
                    return reader.damage_at(at, Kind::Database(db));
                }
                self.db = db as usize;
            }
            ops::EXPIRE_MS => self.expire_at = Some(i64::from_le_bytes(reader.fixed()?)),
            ops::EXPIRE => self.expire_at = Some(i32::from_le_bytes(reader.fixed()?) as i64 * 1000),
            ops::IDLE => self.idle = Some(reader.length()?),
            ops::FREQUENCY => self.frequency = Some(reader.byte()?),
            ops::RESIZE | ops::SLOT_INFO => {
                for _ in 0..if op == ops::RESIZE { 2 } else { 3 } {
                    reader.length()?;
                }
            }
            ops::AUX => {
                self.word(reader)?;
                // Names of before and since 7.0.
                let is_preamble = matches!(&self.word[..], b"aof-preamble" | b"aof-base");
                self.word(reader)?;
                self.preamble |= is_preamble && self.word == b"1";
            }
            ops::FUNCTION => {
                self.word(reader)?;
                self.report.functions += 1;
            }
            ops::MODULE_AUX => {
                let name = module_name(reader.length()?);
                self.skip_module_data(reader)?;
                self.report.modules.push(name);
            }
            ops::EOF => {
                if self.report.version >= CHECKED {
                    let sum = crc64(self.sum, &bytes[..reader.position()]);
                    let stated = u64::from_le_bytes(reader.fixed()?);
                    if stated != 0 && stated != sum {
                        return reader.damage_at(at + 1, Kind::Checksum);
                    }
                }
                return Ok(true);
            }
            _ if op >= ops::SLOT_INFO => return reader.damage_at(at, Kind::Operation(op)),
            kind => self.value(kind, reader, bytes, space)?,
        }
        Ok(false)
    }

    /// A key whose value is of type `kind`.
    fn value(&mut self, kind: u8, reader: &mut Reader, bytes: &[u8], space: &mut Keyspace) -> Result<(), Damage> {
        let at = reader.position();
        self.word(reader)?;
        self.in_value = true;
        let from = reader.position();
        let (mut string, mut value) = (None, None);
        if kind == types::STRING {
            // From where it is into its place: strings are most of what there is.
            string = Some(reader.string()?);
        } else {
            value = match reader.value(kind, &space.limits) {
                Err(damage) if damage.kind == Kind::Empty => None,
                read => Some(read?),
            };
        }
        let (expire_at, idle, frequency) = (self.expire_at.take(), self.idle.take(), self.frequency.take());
        // What follows a preamble may be about a key whose time has come: its deletion comes last.
        let due = !self.preamble && expire_at.is_some_and(|at| at < space.now());
        let (db, key) = (self.db, &self.word[..]);
        let mut keys = space.keys(db);
        let expiry = expire_at.map_or(Expiry::Never, Expiry::At);
        let new = match (&string, value) {
            _ if due => {
                self.report.expired += 1;
                return Ok(());
            }
            (Some(string), _) => keys.put_string(key, string.bytes(&mut [0; I64_TEXT]), expiry),
            (_, Some(value)) => keys.put_until(key, value, expiry),
            _ => {
                self.report.empty += 1;
                return Ok(());
            }
        };
        if !new && !self.replaces {
            return reader.damage_at(at, Kind::DoubledKey);
        }
        self.report.keys += 1;
        if idle.is_some() || frequency.is_some() {
            keys.set_use(key, idle, frequency);
        }
        let changes = &mut space.changes;
        changes.dirty += 1;
        changes.touch(db, key);
        if changes.record_effects {
            let mut payload = [&[kind], &bytes[from..reader.position()]].concat();
            seal(&mut payload);
            let ttl = expire_at.unwrap_or(0).to_string();
            changes.effect(db, &[b"RESTORE", key, ttl.as_bytes(), &payload, b"REPLACE", b"ABSTTL"]);
        }
        Ok(())
    }

    /// Reads over the data of a module: values behind the number of their kind, up to a zero.
    fn skip_module_data(&mut self, reader: &mut Reader) -> Result<(), Damage> {
        loop {
            let at = reader.position();
            let bytes = match reader.length()? {
                0 => return Ok(()),
                1 | 2 => {
                    reader.length()?;
                    0
                }
                3 => 4,
                4 => 8,
                5 => {
                    self.word(reader)?;
                    0
                }
                _ => return reader.damage_at(at, Kind::Nested("module's data")),
            };
            reader.raw(bytes)?;
        }
    }
}

/// Reads the header: the version.
fn header(reader: &mut Reader) -> Result<u16, Damage> {
    let bytes = reader.raw(HEADER)?;
    let digits = &bytes[MAGIC.len()..];
    if !bytes.starts_with(MAGIC) || !digits.iter().all(u8::is_ascii_digit) {
        return reader.damage_at(0, Kind::Magic);
    }
    match digits.iter().fold(0, |number, digit| number * 10 + (digit - b'0') as u16) {
        version @ 1..=NEWEST => Ok(version),
        version => reader.damage_at(0, Kind::Version(version)),
    }
}
