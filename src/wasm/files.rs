//! Files through the door: one export, the steps of an import and of an export by number.

use super::{enter, scratch, Inner};
use crate::engine::SessionId;
use crate::rdb::file::FileWriter;
use crate::resp::Reply;

/// One step. The reply is RESP3, but for pieces of an export, which are answered as they are.
///
/// ```text
/// 0, 1  begins an import, or its next file, in session `count`; 1 replaces keys
/// 2, 3  hands in `count` bytes of the request buffer; 3 the last ones. Null while RDB goes on, then what stands behind it; for
///       what is wrong an array: why; database and key, where that is its value
/// 4     answers what was found: version, keys, expired, empty, function libraries, names of modules
/// 5     ends the import
/// 6     begins an export
/// 7     answers its next piece of `count` bytes at least; nothing at the end
/// ```
///
/// # Safety
/// See [`super::door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_file(door: *mut u8, step: u32, count: usize, now: f64) -> usize {
    let inner = unsafe { enter(door, now) };
    inner.file(step, count);
    inner.reply.len()
}

impl Inner {
    fn file(&mut self, step: u32, count: usize) {
        let engine = &mut self.engine;
        let mut reply = Reply::new(&mut self.reply, true);
        match step {
            0 | 1 => engine.begin_import(count as SessionId, step == 1),
            2 | 3 => match engine.import(scratch(&self.request, &self.lane, count), step == 3) {
                Ok(None) => {}
                Ok(Some(rest)) => return reply.bulk(&rest),
                Err(damage) => {
                    let key = engine.importing().and_then(|reader| reader.key());
                    reply.array(if key.is_some() { 3 } else { 1 });
                    reply.bulk(damage.to_string().as_bytes());
                    if let Some((db, key)) = key {
                        reply.int(db as i64);
                        reply.bulk(key);
                    }
                    return;
                }
            },
            4 => {
                let Some(report) = engine.importing().map(|reader| &reader.report) else { return };
                reply.array(6);
                for figure in [report.version as u64, report.keys, report.expired, report.empty, report.functions] {
                    reply.int(figure as i64);
                }
                reply.array(report.modules.len());
                return report.modules.iter().for_each(|name| reply.bulk(name.as_bytes()));
            }
            5 => engine.end_import(),
            6 => self.export = Some(FileWriter::default()),
            _ => {
                self.reply = self.export.as_mut().map_or_else(Vec::new, |export| export.next(&engine.keyspace, count));
                if self.reply.is_empty() {
                    self.export = None;
                }
                return;
            }
        }
        reply.null();
    }
}
