//! Access control: who a session is, and what that user may do. [`rules`] reads and writes users' rules, [`check`]
//! holds a command against them, [`log`] remembers refusals, [`commands`] is the ACL command.
//!
//! A session whose user may do everything is marked so, and its commands cost one look at the mark; marks are renewed
//! whenever a user changes. Sessions in this program are nobody's: they may do everything until they authenticate.

mod check;
pub(crate) mod commands;
mod log;
mod rules;

use super::blocking::KeptArgs;
use super::table::{Command, Table};
use super::{Engine, SessionId};
use crate::resp::{Args, Fault};
use crate::structures::ordered::OrderedMap;
use check::{allows_channel, Denial, Reason};
use log::{Log, Refusal};
use rules::{has_spaces, merge_brackets, User};

/// A user's place. Taken again when the user is gone and nobody is it any more.
pub(crate) type UserId = u32;

/// The user that everybody is before they authenticate.
pub(crate) const DEFAULT: UserId = 0;

/// What sessions in this program are: no user at all, bound by nothing.
pub(crate) const NOBODY: UserId = UserId::MAX;

/// Its name.
const DEFAULT_NAME: &[u8] = b"default";

const WRONG_PASSWORD: Fault = Fault::Text("WRONGPASS invalid username-password pair or user is disabled.");

/// Fills bytes with chance that is good for secrets.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// The users, and what they were refused.
pub(crate) struct Acl {
    names: OrderedMap<Box<[u8]>, UserId>,
    users: Vec<Option<User>>,
    /// Nobody needs to authenticate: the default user is on and takes any password.
    pub(crate) open: bool,
    /// `acl-pubsub-default`: new selectors allow every channel.
    pub(crate) all_channels: bool,
    pub(crate) log: Log,
    pub(crate) entropy: Option<Entropy>,
}

impl Acl {
    /// The default user alone.
    pub(crate) fn new(table: &Table) -> Self {
        Acl {
            names: OrderedMap::from([(DEFAULT_NAME.into(), DEFAULT)]),
            users: vec![Some(User::open(table))],
            open: true,
            all_channels: false,
            log: Log::default(),
            entropy: None,
        }
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(id as usize)?.as_ref()
    }

    fn find(&self, name: &[u8]) -> Option<(UserId, &User)> {
        let id = *self.names.get(name)?;
        Some((id, self.user(id)?))
    }

    /// The id of the user of this name.
    pub(crate) fn id_of(&self, name: &[u8]) -> Option<UserId> {
        self.names.get(name).copied()
    }

    /// A user's name, as CLIENT LIST shows it. O(users).
    pub(crate) fn name(&self, id: UserId) -> &[u8] {
        self.names.iter().find(|(_, known)| **known == id).map_or(b"(superuser)", |(name, _)| name)
    }

    pub(crate) fn is_unrestricted(&self, id: UserId) -> bool {
        id == NOBODY || self.user(id).is_some_and(User::is_unrestricted)
    }

    fn put(&mut self, name: &[u8], user: User) -> UserId {
        let id = self.id_of(name).unwrap_or_else(|| {
            let free = self.users.iter().position(Option::is_none).unwrap_or(self.users.len());
            if free == self.users.len() {
                self.users.push(None);
            }
            self.names.insert(name.into(), free as UserId);
            free as UserId
        });
        self.users[id as usize] = Some(user);
        self.open = self.user(DEFAULT).is_some_and(|user| user.enabled && user.nopass);
        id
    }
}

impl Engine {
    /// Gives the engine a source of chance for secrets, which ACL GENPASS needs: a host hands in its system's. The
    /// engine's own chance follows from its seed and is no secret.
    pub fn set_entropy(&mut self, fill: impl FnMut(&mut [u8]) + Send + 'static) {
        self.acl.entropy = Some(Box::new(fill));
    }

    /// Makes a session what it is when it comes: the default user, or in this program nobody.
    pub(crate) fn set_first_user(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else { return };
        session.user = if session.internal { NOBODY } else { DEFAULT };
        session.authenticated = session.internal;
        let user = session.user;
        let (unrestricted, open) = (self.acl.is_unrestricted(user), self.acl.open);
        if let Some(session) = self.session_mut(id) {
            session.authenticated |= open;
            session.unrestricted = unrestricted;
        }
    }

    /// Makes a session a user's, if the password fits. `word` is the command that asked, for the log.
    pub(crate) fn authenticate(
        &mut self,
        id: SessionId,
        word: &[u8],
        name: &[u8],
        password: &[u8],
    ) -> Result<(), Fault> {
        let Some((user, _)) = self.acl.find(name).filter(|(_, user)| user.accepts(password)) else {
            self.note_refusal(id, Reason::Auth, word, Some(name));
            return Err(WRONG_PASSWORD);
        };
        let unrestricted = self.acl.is_unrestricted(user);
        if let Some(session) = self.session_mut(id) {
            session.user = user;
            session.unrestricted = unrestricted;
            session.authenticated = true;
        }
        Ok(())
    }

    /// Whether anybody who connects is let in without a password: the default user is on and takes any. Setting
    /// `requirepass` and ACL SETUSER both have a say in it.
    pub fn needs_no_password(&self) -> bool {
        self.acl.open
    }

    /// Lets a session do everything, as those in this program may: its host has found out by itself who it is.
    pub fn trust(&mut self, id: SessionId) {
        self.next_epoch();
        if let Some(session) = self.session_mut(id) {
            session.user = NOBODY;
            session.unrestricted = true;
            session.authenticated = true;
        }
    }

    /// A `user` line of a configuration file: a name and its rules, which for the default user replace all it had.
    pub(crate) fn configure_user(&mut self, args: &[&[u8]]) -> Result<(), String> {
        let [name, rules @ ..] = args else { return Err("Bad directive or wrong number of arguments".into()) };
        let is_default = *name == DEFAULT_NAME;
        if !is_default && self.acl.id_of(name).is_some() {
            return Err(format!("Duplicate user '{}' found", String::from_utf8_lossy(name)));
        }
        let reset = is_default.then_some(&b"reset"[..]);
        let set = self.set_user(None, name, reset.into_iter().chain(rules.iter().copied()));
        set.map_err(|fault| String::from_utf8_lossy(fault.text().as_bytes()).trim_start_matches("ERR ").to_owned())
    }

    /// Whether the default user's password may be anything, so that naming one alone makes no sense.
    pub(crate) fn default_needs_no_password(&self) -> bool {
        self.acl.user(DEFAULT).is_some_and(|user| user.nopass)
    }

    /// Sets `requirepass`: the default user's only password, or none when it is empty.
    pub(crate) fn set_default_password(&mut self, password: &[u8]) {
        if let Some(mut user) = self.acl.user(DEFAULT).cloned() {
            user.set_password(password);
            self.acl.put(DEFAULT_NAME, user);
        }
    }

    /// The gate: whether a session's user may run a command. Refusals are logged.
    #[cold]
    pub(crate) fn check_permission(&mut self, id: SessionId, command: Command, args: Args) -> Result<(), Fault> {
        let Some(session) = self.session(id) else { return Ok(()) };
        let Some(user) = self.acl.user(session.user) else { return Ok(()) };
        let denial = match user.check(command, args) {
            Ok(()) => return user.check_patterns(command, args),
            Err(denial) => denial,
        };
        let fault = match denial.0 {
            Reason::Key => Fault::Text("NOPERM No permissions to access a key"),
            Reason::Channel => Fault::Text("NOPERM No permissions to access a channel"),
            _ => Fault::made([b"NOPERM ", &refusal(self.acl.name(session.user), command, denial, args)[..]].concat()),
        };
        self.note_denial(id, command, args, denial);
        Err(fault)
    }

    /// The same for a command that EXEC is about to run: rules may have changed since it was queued.
    pub(crate) fn check_queued(&mut self, id: SessionId, command: Command, args: &KeptArgs) -> Result<(), Fault> {
        let Some(session) = self.session(id).filter(|session| !session.unrestricted) else { return Ok(()) };
        let Some(user) = self.acl.user(session.user) else { return Ok(()) };
        let Err(denial) = user.check(command, args.args()) else {
            return user.check_patterns(command, args.args());
        };
        self.note_denial(id, command, args.args(), denial);
        let reason = match denial.0 {
            Reason::Key => "no permission to touch the specified keys",
            Reason::Channel => "no permission to access one of the channels used as arguments to the command",
            _ => "no permission to execute the command or subcommand",
        };
        Err(Fault::made(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        )))
    }

    fn note_denial(&mut self, id: SessionId, command: Command, args: Args, denial: Denial) {
        if let Some(session) = self.session_mut(id) {
            session.last_command = command.spec.name;
        }
        let (reason, at) = denial;
        let object = if reason == Reason::Command { command.spec.name.as_bytes() } else { args.at(at) };
        self.note_refusal(id, reason, object, None);
    }

    /// Logs a refusal; `name` is who the session tried to be, when it is not who it is.
    fn note_refusal(&mut self, id: SessionId, reason: Reason, object: &[u8], name: Option<&[u8]>) {
        let client = self.describe_client(id);
        let Some(session) = self.session(id) else { return };
        let (in_transaction, user) = (session.transaction.is_some(), session.user);
        self.stats.denied[reason as usize] += 1;
        let username = name.unwrap_or(self.acl.name(user)).to_vec();
        let refusal = Refusal { reason, in_transaction, object, username: &username, client };
        self.acl.log.add(refusal, self.keyspace.now());
    }

    /// Changes a user by rules, all or none, and makes it when there is none of this name. Sessions that listen to
    /// channels which the user may no longer hear are closed. `caller` keeps its connection until it has its answer.
    pub(crate) fn set_user<'a>(
        &mut self,
        caller: Option<SessionId>,
        name: &[u8],
        words: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Fault> {
        if has_spaces(name) {
            return Err(Fault::Text("ERR Usernames can't contain spaces or null characters"));
        }
        let words = merge_brackets(words).map_err(|start| {
            Fault::made([b"ERR Unmatched parenthesis in acl selector starting at '", start, b"'."].concat())
        })?;
        let all_channels = self.acl.all_channels;
        let before = self.acl.find(name).map(|(_, user)| user.clone());
        let mut user = before.clone().unwrap_or_else(|| User::new(all_channels));
        for word in &words {
            user.apply(&self.table, word, all_channels).map_err(|fault| {
                Fault::naming("ERR Error in ACL SETUSER modifier '", word, &format!("': {}", fault.text()))
            })?;
        }
        let heard = before.and_then(|before| lost_channels(&before, &user));
        let id = self.acl.put(name, user);
        if let Some(heard) = heard {
            self.close_listeners(caller, id, &heard);
        }
        let unrestricted = self.acl.is_unrestricted(id);
        for session in self.sessions.iter_mut().flatten().filter(|session| session.user == id) {
            session.unrestricted = unrestricted;
        }
        Ok(())
    }

    /// Closes the sessions of a user that listen to what is not among the channels it may hear.
    fn close_listeners(&mut self, caller: Option<SessionId>, user: UserId, heard: &[Box<[u8]>]) {
        let lost: Vec<SessionId> = self
            .sessions()
            .filter(|(_, session)| {
                session.user == user
                    && (session.patterns.iter().any(|pattern| !allows_channel(heard, pattern, true))
                        || session.channels.iter().any(|name| !allows_channel(heard, name, false))
                        || session.shard_channels.iter().any(|name| !allows_channel(heard, name, false)))
            })
            .map(|(id, _)| id)
            .collect();
        lost.into_iter().for_each(|id| self.deauthenticate_and_close(caller, id));
    }

    fn deauthenticate_and_close(&mut self, caller: Option<SessionId>, id: SessionId) {
        let unrestricted = self.acl.is_unrestricted(DEFAULT);
        let Some(session) = self.session_mut(id) else { return };
        session.user = DEFAULT;
        session.unrestricted = unrestricted;
        session.authenticated = false;
        if session.internal {
            // It has no connection that could be cut; RESET makes it what it was.
            self.forget_subscriptions(id);
        } else if caller == Some(id) {
            session.closing = true;
        } else {
            self.kill(id);
        }
    }

    /// Removes a user and closes its sessions; whether there was one.
    fn remove_user(&mut self, caller: SessionId, name: &[u8]) -> bool {
        let Some(user) = self.acl.names.remove(name) else { return false };
        self.acl.users[user as usize] = None;
        let gone: Vec<SessionId> =
            self.sessions().filter(|(_, session)| session.user == user).map(|(id, _)| id).collect();
        gone.into_iter().for_each(|id| self.deauthenticate_and_close(Some(caller), id));
        true
    }
}

/// What the log and DRYRUN say of a refusal.
fn refusal(name: &[u8], command: Command, denial: Denial, args: Args) -> Vec<u8> {
    let (reason, at) = denial;
    let full = command.spec.name.as_bytes();
    let rest: [&[u8]; 3] = match reason {
        Reason::Key => [b" has no permissions to access the '", args.at(at), b"' key"],
        Reason::Channel => [b" has no permissions to access the '", args.at(at), b"' channel"],
        _ => [b" has no permissions to run the '", full, b"' command"],
    };
    [b"User ", name, rest[0], rest[1], rest[2]].concat()
}

/// The channels a user may hear after a change; none when it may hear all that it could before.
fn lost_channels(before: &User, after: &User) -> Option<Vec<Box<[u8]>>> {
    if after.selectors.iter().any(|selector| selector.all_channels) {
        return None;
    }
    let heard: Vec<Box<[u8]>> = after.selectors.iter().flat_map(|selector| selector.channels.iter().cloned()).collect();
    let keeps = before
        .selectors
        .iter()
        .all(|selector| !selector.all_channels && selector.channels.iter().all(|name| heard.contains(name)));
    (!keeps).then_some(heard)
}

#[cfg(test)]
mod tests;
