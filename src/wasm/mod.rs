//! The one room that knows JavaScript.
//!
//! Two doors. wasm-bindgen carries what is rare: making an engine, configuration, figures. The hot path is a
//! handful of plain exports over one shared buffer: requests in, replies out, nothing allocated.
//!
//! # The buffer
//! ```text
//! request: | ... | bytes of the arguments, or RESP as it came from a socket …  |   door_request(door, length)
//! spans:   | start u32, length u32 | start u32, length u32 | …                 |   door_spans(door, count)
//! reply:   | RESP3                                                             |   door_reply(door)
//! ```
//! JavaScript fills `request` and `spans`, calls [`door_call`], and reads the reply. Every address may move when
//! memory grows, so it is asked for again whenever `memory.buffer` has changed.

mod allocator;
mod files;
mod lane;
mod storage;

use crate::engine::{Engine, SessionId, Setup};
use crate::memory::leaving;
use crate::rdb::file::FileWriter;
use crate::resp::{Args, Span};
use js_sys::{Array, Uint8Array};
use lane::Lane;
pub use lane::{door_mail, door_read, door_run};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Smallest request buffer, in bytes: most commands fit without asking for more.
const REQUEST: usize = 64 << 10;

/// Most spans a plain call may have before it asks for more.
const SPANS: usize = 1024;

/// Reply buffers above this are given back after use.
const REPLY: usize = 1 << 20;

struct Inner {
    engine: Engine,
    request: Vec<u8>,
    spans: Vec<Span>,
    reply: Vec<u8>,
    /// A keyspace that is being read back.
    recovery: Option<crate::persist::Recovery>,
    /// What is to be done for the store; see [`storage`].
    wants: u32,
    /// The export that is under way.
    export: Option<FileWriter>,
    lane: Lane,
}

/// An engine with its buffers.
#[wasm_bindgen]
pub struct Door {
    // Boxed so that its address, which the plain exports get, never moves.
    inner: Box<Inner>,
}

#[wasm_bindgen]
extern "C" {
    /// The platform's chance for secrets; called by ACL GENPASS alone.
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_with_chance(bytes: &mut [u8]);

    /// Milliseconds of a clock that only goes forward.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn stopwatch_millis() -> f64;
}

/// What SLOWLOG and LATENCY time commands with, in nanoseconds. By default only commands that may be slow are timed.
fn stopwatch() -> u64 {
    (stopwatch_millis() * 1e6) as u64
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

#[wasm_bindgen]
impl Door {
    /// Makes an engine with a seed in two halves, at `now` (ms since 1970), with so many databases, in an instance whose
    /// memory may come to `memory_limit` bytes (0 for as many as there can be).
    #[wasm_bindgen(constructor)]
    pub fn new(seed_high: u32, seed_low: u32, now: f64, databases: usize, memory_limit: f64) -> Door {
        std::panic::set_hook(Box::new(|info| PANIC.with_borrow_mut(|text| *text = info.to_string())));
        let setup = Setup {
            seed: (seed_high as u64) << 32 | seed_low as u64,
            now_us: micros(now),
            databases: databases.clamp(1, 1 << 16),
        };
        allocator::set_ceiling(memory_limit as usize);
        allocator::begin();
        let mut engine = Engine::new(crate::catalog::table(), setup);
        engine.set_entropy(fill_with_chance);
        engine.set_stopwatch(Some(stopwatch));
        let mut request = Vec::new();
        let lane = Lane::new(&engine, &mut request);
        request.resize(request.len() + REQUEST, 0);
        let mut inner = Box::new(Inner {
            engine,
            request,
            spans: vec![Span { start: 0, len: 0 }; SPANS],
            reply: Vec::with_capacity(4096),
            recovery: None,
            wants: 0,
            export: None,
            lane,
        });
        inner.engine.set_memory_source(Some(allocator::usage));
        Door { inner }
    }

    /// What the plain exports take as `door`; valid until `free()`.
    pub fn address(&mut self) -> usize {
        &raw mut *self.inner as usize
    }

    /// Says where a session's client is, and where it connected to, for CLIENT LIST: a line each.
    pub fn set_address(&mut self, session: SessionId, addresses: &str) {
        if let (Some(session), Some((address, local))) =
            (self.inner.engine.session_mut(session), addresses.split_once('\n'))
        {
            (session.address, session.local_address) = (address.into(), local.into());
        }
    }

    /// CLIENT ID of a session; 0 when there is no such session.
    pub fn client_id(&self, session: SessionId) -> f64 {
        self.inner.engine.session(session).map_or(0.0, |session| session.client_id as f64)
    }

    /// The index of a command for `door_run`, or -1 when it cannot go that way.
    pub fn find(&self, name: &str) -> i32 {
        let table = self.inner.engine.table();
        let index = table.commands().binary_search_by_key(&name, |command| command.spec.name);
        index.ok().filter(|&index| self.inner.lane.takes(index)).map_or(-1, |index| index as i32)
    }

    /// Sets a parameter as an option at the start does; throws Redis' text when there is no such parameter, or the
    /// values do not fit. `args` are `Uint8Array`s.
    pub fn configure(&mut self, name: &str, args: &Array) -> Result<(), JsError> {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.unchecked_into::<Uint8Array>().to_vec()).collect();
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        self.inner.engine.configure(name, &args).map_err(|text| JsError::new(&text))
    }

    /// Whether anybody who connects is let in without a password.
    pub fn needs_no_password(&self) -> bool {
        self.inner.engine.needs_no_password()
    }

    /// Lets a session do everything: the host knows who it is.
    pub fn trust(&mut self, session: SessionId) {
        self.inner.engine.trust(session);
    }

    /// Shows a parameter that belongs to the host in CONFIG GET: its name is the first line, its value the rest.
    pub fn set_host_parameter(&mut self, parameter: &str) {
        let (name, value) = parameter.split_once('\n').unwrap_or((parameter, ""));
        self.inner.engine.set_host_parameter(name, value.as_bytes());
    }

    /// Reads a configuration file: `[line, name, [bytes, ...]]` for each directive. Throws when its quotes do not fit.
    pub fn read_directives(&self, text: &[u8]) -> Result<Array, JsError> {
        let directives = crate::engine::read_directives(text).map_err(|text| JsError::new(&text))?;
        let list = Array::new();
        for one in directives {
            let args = Array::new();
            for arg in one.args {
                args.push(&Uint8Array::from(arg.as_slice()));
            }
            list.push(&Array::of3(&(one.line as f64).into(), &one.name.into(), &args));
        }
        Ok(list)
    }

    /// Figures: keys, commands, sessions, reads that found their key and that did not, keys that expired.
    pub fn figures(&mut self) -> Array {
        self.inner.take_counts();
        let engine = &self.inner.engine;
        let space = &engine.keyspace;
        let keys: usize = (0..space.databases()).map(|db| space.database(db).len()).sum();
        let (keys, sessions) = (keys as u64, engine.sessions().count() as u64);
        let stats = &space.stats;
        let list = Array::new();
        for count in [keys, engine.stats.commands, sessions, stats.hits, stats.misses, stats.expired] {
            list.push(&(count as f64).into());
        }
        list
    }
}

/// The message of the panic that ended this instance. Callable after the trap.
#[wasm_bindgen(js_name = panicMessage)]
pub fn panic_message() -> String {
    PANIC.with_borrow(Clone::clone)
}

fn micros(millis: f64) -> i64 {
    (millis * 1000.0) as i64
}

/// The engine behind an address.
///
/// # Safety
/// `door` is what [`Door::address`] returned and its `Door` was not freed; there is one thread, and no export is
/// called from within another, so no second reference exists.
unsafe fn at<'a>(door: *mut u8) -> &'a mut Inner {
    unsafe { &mut *door.cast::<Inner>() }
}

impl Inner {
    /// Takes in what JavaScript did by itself meanwhile.
    #[inline(always)]
    fn take_counts(&mut self) {
        if self.lane.mail.copied != self.lane.counted {
            self.count_copied();
        }
    }
}

/// The first `length` bytes that JavaScript wrote into the request.
fn scratch<'a>(request: &'a [u8], lane: &Lane, length: usize) -> &'a [u8] {
    let scratch = &request[lane.head()..];
    &scratch[..length.min(scratch.len())]
}

/// [`at`] for what runs commands or counts them: at `now` (ms since 1970), with an empty reply.
///
/// # Safety
/// See [`at`].
#[inline]
unsafe fn enter<'a>(door: *mut u8, now: f64) -> &'a mut Inner {
    let inner = unsafe { at(door) };
    inner.take_counts();
    inner.engine.set_clock(micros(now));
    if inner.reply.capacity() > REPLY {
        inner.reply = Vec::with_capacity(4096);
    }
    inner.reply.clear();
    inner
}

/// Makes the scratch of the request buffer hold at least `length` bytes; its address, or 0 when there is no memory for it.
///
/// # Safety
/// As for all plain exports: `door` comes from [`Door::address`] of a living `Door`.
#[no_mangle]
pub unsafe extern "C" fn door_request(door: *mut u8, length: usize) -> *mut u8 {
    let inner = unsafe { at(door) };
    let head = inner.lane.head();
    let held = inner.request.len() - head;
    if held < length {
        if leaving(length - held, || inner.request.try_reserve_exact(length - held).ok()).is_none() {
            return std::ptr::null_mut();
        }
        inner.request.resize(head + length, 0);
    } else if held > 8 * REQUEST && length <= REQUEST {
        inner.request.truncate(head + REQUEST);
        inner.request.shrink_to_fit();
    }
    inner.lane.mail.base = inner.request.as_ptr() as u32;
    inner.request[head..].as_mut_ptr()
}

/// Makes room for `count` spans; their address, or 0 when there is no memory for them.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_spans(door: *mut u8, count: usize) -> *mut Span {
    let inner = unsafe { at(door) };
    if inner.spans.len() < count {
        let more = count - inner.spans.len();
        if leaving(more * size_of::<Span>(), || inner.spans.try_reserve_exact(more).ok()).is_none() {
            return std::ptr::null_mut();
        }
        inner.spans.resize(count, Span { start: 0, len: 0 });
    }
    inner.spans.as_mut_ptr()
}

/// Runs the command whose `count` arguments are in the buffers, name included, at `now` (ms since 1970). The spans count
/// from the beginning of the request, see [`lane`]. Returns the reply's length in bytes, 0 when the session waits.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_call(door: *mut u8, session: SessionId, count: usize, now: f64) -> usize {
    let inner = unsafe { enter(door, now) };
    let spans = &inner.spans[..count.min(inner.spans.len())];
    inner.engine.call(session, Args::new(&inner.request, spans), &mut inner.reply);
    inner.leave_wants();
    allocator::settle();
    inner.reply.len()
}

/// Where the reply of [`door_call`] stands.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_reply(door: *mut u8) -> *const u8 {
    unsafe { at(door) }.reply.as_ptr()
}

/// Hands in the first `length` bytes of the request buffer as RESP from a session's client.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_receive(door: *mut u8, session: SessionId, length: usize, now: f64) {
    let inner = unsafe { enter(door, now) };
    inner.engine.receive(session, scratch(&inner.request, &inner.lane, length));
    allocator::settle();
}

/// Opens a session; `internal` is a client in this program.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_open(door: *mut u8, internal: bool, now: f64) -> SessionId {
    unsafe { enter(door, now) }.engine.open(internal)
}

/// Closes a session.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_close(door: *mut u8, session: SessionId) {
    let inner = unsafe { at(door) };
    inner.take_counts();
    inner.engine.close(session);
}

/// The next session with output, or to be closed; -1 when there is none.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_next(door: *mut u8) -> i32 {
    unsafe { at(door) }.engine.next_listed().map_or(-1, |id| id as i32)
}

/// Length of a session's unsent output; [`door_output_at`] says where it stands.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_output(door: *mut u8, session: SessionId) -> usize {
    unsafe { at(door) }.engine.output(session).len()
}

/// Where a session's unsent output stands.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_output_at(door: *mut u8, session: SessionId) -> *const u8 {
    unsafe { at(door) }.engine.output(session).as_ptr()
}

/// Says that `count` bytes of a session's output were taken.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_sent(door: *mut u8, session: SessionId, count: usize) {
    let inner = unsafe { at(door) };
    inner.take_counts();
    inner.engine.sent(session, count);
}

/// Whether a session is to be closed now.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_is_to_close(door: *mut u8, session: SessionId) -> bool {
    unsafe { at(door) }.engine.is_to_close(session)
}

/// Does what time asks for; when it is wanted again (ms since 1970), -1 for not before something else happens, -2 when
/// SHUTDOWN asks for the end.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_tick(door: *mut u8, now: f64) -> f64 {
    let inner = unsafe { enter(door, now) };
    let next = inner.engine.tick();
    allocator::settle();
    wanted(&inner.engine, next)
}

/// When [`door_tick`] is wanted (ms since 1970), -1 for not before something else happens, -2 when SHUTDOWN asks for the
/// end.
///
/// # Safety
/// See [`door_request`].
#[no_mangle]
pub unsafe extern "C" fn door_next_tick(door: *mut u8) -> f64 {
    let engine = &unsafe { at(door) }.engine;
    wanted(engine, engine.next_tick())
}

/// When a tick is wanted, as a number: -1 for not before something else happens, -2 when SHUTDOWN asks for the end.
fn wanted(engine: &Engine, at: Option<i64>) -> f64 {
    if engine.shutdown_requested() {
        return -2.0;
    }
    at.map_or(-1.0, |at| at as f64)
}
