//! One session: a connection, or a client in the same program.

use super::acl::{UserId, DEFAULT};
use super::blocking::Blocked;
use super::table::Command;
use super::tracking::Tracks;
use super::transactions::Transaction;
use crate::commands::spec::flags::LOADING;
use crate::resp::Parser;
use crate::structures::ordered::OrderedSet;

/// Names a session inside one engine. Reused after the session is closed.
pub type SessionId = u32;

/// Whether replies are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are.
    #[default]
    On,
    /// They are not, until CLIENT REPLY ON.
    Off,
    /// The one after the running command is not.
    SkipNext,
    /// The running command's is not.
    Skip,
}

/// State of one session. The transport owns the id and moves the bytes; all else is here.
pub struct Session {
    /// CLIENT ID: never reused.
    pub client_id: i64,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO lib-name and lib-ver.
    pub library: (Vec<u8>, Vec<u8>),
    /// Where the client is, `ip:port`; empty for one in the same program.
    pub address: String,
    /// Where it connected to.
    pub local_address: String,
    /// Selected database.
    pub db: usize,
    /// Speaks RESP3.
    pub resp3: bool,
    /// Has authenticated, or need not have when it came.
    pub authenticated: bool,
    /// Whose it is.
    pub(crate) user: UserId,
    /// Its user may do everything: nothing need be checked.
    pub(crate) unrestricted: bool,
    /// Whether replies are written.
    pub reply_mode: ReplyMode,
    /// When it was opened, in milliseconds since 1970.
    pub created: i64,
    /// When it last sent a command.
    pub active: i64,
    /// Index of its last command in the table's names, for CLIENT LIST.
    pub last_command: &'static str,
    /// How many commands it has run.
    pub commands: u64,
    /// Bytes received and bytes sent.
    pub traffic: (u64, u64),
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// CLIENT TRACKING, while it is on.
    pub(crate) tracks: Option<Box<Tracks>>,
    /// MONITOR.
    pub(crate) monitor: bool,
    /// Open transaction.
    pub(crate) transaction: Option<Transaction>,
    /// Watched keys with their databases; and whether one was written, or had expired.
    pub(crate) watched: Vec<(usize, Box<[u8]>)>,
    pub(crate) watch_broken: bool,
    /// Subscribed channels, patterns, shard channels.
    pub(crate) channels: OrderedSet<Box<[u8]>>,
    pub(crate) patterns: OrderedSet<Box<[u8]>>,
    pub(crate) shard_channels: OrderedSet<Box<[u8]>>,
    /// The command that waits, if one does.
    pub(crate) blocked: Option<Blocked>,
    /// Input that is not processed yet.
    pub(crate) pending: Vec<u8>,
    /// Bytes at the start of `pending` that are processed, and not yet removed.
    pub(crate) processed: usize,
    /// Away while requests are cut out of input.
    pub(crate) parser: Option<Box<Parser>>,
    /// Output that the host has not taken yet. While a command of this session runs its replies go elsewhere and
    /// what lands here are pushes, which follow the reply.
    pub(crate) out: Vec<u8>,
    /// Bytes of `out` that the host has already taken.
    pub(crate) out_sent: usize,
    /// When the output first exceeded its soft limit.
    pub(crate) over_soft_limit_since: Option<i64>,
    /// Close once the output is sent.
    pub(crate) closing: bool,
    /// Close at once and forget the output.
    pub(crate) killed: bool,
    /// It is on the engine's list of sessions with something for the host.
    pub(crate) listed: bool,
    /// It stands still until the host has taken output.
    pub(crate) stalled: bool,
    /// A pause holds its next command back.
    pub(crate) paused: bool,
    /// It was turned away when it came: there were too many.
    pub(crate) refused: bool,
    /// A client in this program: no transport, exempt from authentication and from pauses.
    pub(crate) internal: bool,
}

impl Session {
    pub(crate) fn new(client_id: i64, now: i64) -> Self {
        Session {
            client_id,
            name: Vec::new(),
            library: Default::default(),
            address: String::new(),
            local_address: String::new(),
            db: 0,
            resp3: false,
            authenticated: false,
            user: DEFAULT,
            unrestricted: false,
            reply_mode: ReplyMode::On,
            created: now,
            active: now,
            last_command: "NULL",
            commands: 0,
            traffic: (0, 0),
            no_evict: false,
            no_touch: false,
            tracks: None,
            monitor: false,
            transaction: None,
            watched: Vec::new(),
            watch_broken: false,
            channels: OrderedSet::new(),
            patterns: OrderedSet::new(),
            shard_channels: OrderedSet::new(),
            blocked: None,
            pending: Vec::new(),
            processed: 0,
            parser: Some(Box::default()),
            out: Vec::new(),
            out_sent: 0,
            over_soft_limit_since: None,
            closing: false,
            killed: false,
            listed: false,
            stalled: false,
            paused: false,
            refused: false,
            internal: false,
        }
    }

    /// Whether nothing about it stands between a command on data and its run: its user may do everything, `open` says
    /// whether everybody is in without a password, nothing is queued, replies are written.
    #[inline(always)]
    pub(crate) fn is_plain(&self, open: bool) -> bool {
        self.unrestricted
            && (self.authenticated || open)
            && self.transaction.is_none()
            && !self.only_listens()
            && !self.monitor
            && self.reply_mode == ReplyMode::On
    }

    /// How many channels, patterns and shard channels it listens to.
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }

    /// Whether RESP2's rule for subscribers holds: only (un)subscribing, PING, QUIT and RESET are allowed.
    pub fn only_listens(&self) -> bool {
        !self.resp3 && self.subscriptions() > 0
    }

    /// Whether it may run `command` while an import is under way.
    pub(crate) fn loads(&self, command: Command) -> bool {
        let queued = self.transaction.iter().filter(|_| command.spec.name == "exec").flat_map(|open| &open.queue);
        command.spec.has(LOADING) && queued.into_iter().all(|(command, _)| command.spec.has(LOADING))
    }

    /// Bytes of input that are not processed yet.
    pub fn unprocessed(&self) -> usize {
        self.pending.len() - self.processed
    }

    /// Bytes of output that the host has not taken.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.out_sent
    }

    /// Takes the unsent output out, for commands to append to; pushes land in its place meanwhile.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        if self.out_sent > 0 {
            self.out.drain(..self.out_sent);
            self.out_sent = 0;
        }
        std::mem::take(&mut self.out)
    }

    /// Whether its input has to wait.
    #[inline]
    pub(crate) fn holds_input(&self) -> bool {
        self.blocked.is_some() || self.closing || self.killed || self.paused
    }
}
