//! Requests, cut out of bytes as they arrive. Arguments are spans of the input, never copies. A request that
//! is not whole yet keeps its progress, so a client that sends byte by byte costs no more than its bytes; no
//! announced length reserves memory.

/// A piece of the request's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Bytes.
    pub len: u32,
}

/// The arguments of one command; the first is its name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// Arguments that lie in `bytes` at `spans`; a span outside reads as empty.
    #[inline]
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Args { bytes, spans }
    }

    /// How many there are, the name included.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Bytes from the first argument to the last, with what stands between them. O(1).
    #[inline]
    pub fn size(&self) -> usize {
        let end = |span: &Span| span.start as usize + span.len as usize;
        self.spans.last().map_or(0, end).saturating_sub(self.spans.first().map_or(0, |span| span.start as usize))
    }

    /// The argument at `index`; 0 is the command's name. Panics behind the end, as slices do: arity was checked.
    #[inline(never)]
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.at_once(index)
    }

    /// [`Args::at`] where a call counts.
    #[inline(always)]
    pub fn at_once(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        self.bytes.get(span.start as usize..span.start as usize + span.len as usize).unwrap_or_default()
    }

    /// The argument at `index`, if there is one.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        (index < self.spans.len()).then(|| self.at(index))
    }

    /// All arguments from `from` on.
    pub fn iter_from(&self, from: usize) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + 'a {
        let args = *self;
        (from.min(args.len())..args.len()).map(move |index| args.at(index))
    }

    /// The arguments from `from` on, as a command of their own.
    pub fn skip(&self, from: usize) -> Args<'a> {
        Args { bytes: self.bytes, spans: self.spans.get(from..).unwrap_or_default() }
    }

    /// Whether the argument at `index` is the word `token`, in any case.
    #[inline]
    pub fn is(&self, index: usize, token: &str) -> bool {
        self.get(index).is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Appends the arguments as one RESP array of bulk strings.
    pub fn write_resp(&self, out: &mut Vec<u8>) {
        let mut reply = super::Reply::new(out, false);
        reply.array(self.len());
        for arg in self.iter_from(0) {
            reply.bulk(arg);
        }
    }
}

/// A breach of the protocol: the text is sent and the connection closed.
pub type ProtocolFault = String;

/// What [`Parser::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Not a whole request yet.
    Incomplete,
    /// A whole request of this many bytes; its arguments are in the parser.
    Request(usize),
    /// This many bytes that hold no command (an empty line, an empty array).
    Nothing(usize),
}

/// Longest inline request and longest length line, in bytes, as in Redis.
const MAX_LINE: usize = 64 * 1024;

/// Progress through one session's input.
#[derive(Default)]
pub struct Parser {
    spans: Vec<Span>,
    /// Arguments of an inline request, unquoted; spans point here when `inline`.
    unquoted: Vec<u8>,
    inline: bool,
    /// Arguments still to come; `None` between requests.
    missing: Option<usize>,
    /// Where to go on, counted from the start of the request.
    at: usize,
    /// Bytes from `at` that hold no line end, so that they are not searched twice.
    searched: usize,
}

impl Parser {
    /// Looks for one whole request at the start of `input`. When it is incomplete, call again with the same
    /// bytes and more behind them. `trusted` is false before AUTH, where Redis allows only small requests.
    #[inline]
    pub fn next(&mut self, input: &[u8], max_bulk: usize, trusted: bool) -> Result<Parsed, ProtocolFault> {
        if self.missing.is_none() {
            match input.first() {
                None => return Ok(Parsed::Incomplete),
                Some(b'*') => {}
                Some(_) => return self.next_inline(input),
            }
            let Some((count, next)) = self.number_line(input, 0, "too big mbulk count string")? else {
                return Ok(Parsed::Incomplete);
            };
            self.inline = false;
            self.spans.clear();
            match count {
                Some(count) if count <= i32::MAX as i64 => {
                    if count <= 0 {
                        self.at = 0;
                        return Ok(Parsed::Nothing(next));
                    }
                    if count > 10 && !trusted {
                        return Err("ERR Protocol error: unauthenticated multibulk length".into());
                    }
                    self.missing = Some(count as usize);
                }
                _ => return Err("ERR Protocol error: invalid multibulk length".into()),
            }
            self.at = next;
        }
        let mut missing = self.missing.unwrap_or_default();
        let mut at = self.at;
        while missing > 0 {
            let line = match input.get(at) {
                None => None,
                Some(b'$') => self.number_line(input, at, "too big bulk count string")?,
                Some(&byte) => return Err(format!("ERR Protocol error: expected '$', got '{}'", byte as char)),
            };
            let Some((length, start)) = line else { return Ok(self.pause(at, missing)) };
            let length = match length {
                Some(length) if length >= 0 && length as u64 <= max_bulk as u64 => length as usize,
                _ => return Err("ERR Protocol error: invalid bulk length".into()),
            };
            if length > 16384 && !trusted {
                return Err("ERR Protocol error: unauthenticated bulk length".into());
            }
            let end = start + length;
            if input.len() < end + 2 {
                return Ok(self.pause(at, missing));
            }
            self.spans.push(Span { start: start as u32, len: length as u32 });
            at = end + 2;
            missing -= 1;
        }
        self.at = 0;
        self.missing = None;
        Ok(Parsed::Request(at))
    }

    /// Remembers where to go on when more has come.
    #[cold]
    fn pause(&mut self, at: usize, missing: usize) -> Parsed {
        (self.at, self.missing) = (at, Some(missing));
        Parsed::Incomplete
    }

    /// The number on the line whose type byte is at `at`: `None` until the line is whole, else the number
    /// (`None` when it is none) and the position behind the line.
    #[inline(always)]
    #[allow(clippy::type_complexity)]
    fn number_line(
        &mut self,
        input: &[u8],
        at: usize,
        too_big: &str,
    ) -> Result<Option<(Option<i64>, usize)>, ProtocolFault> {
        // Nearly every length has one or two digits: read them without a search. The line may have come in two parts, the
        // first of which was searched already.
        if let Some(&[_, first, second, third, fourth]) = input.get(at..).and_then(|line| line.first_chunk::<5>()) {
            let (tens, ones) = (first.wrapping_sub(b'0'), second.wrapping_sub(b'0'));
            if tens <= 9 && (second, third) == (b'\r', b'\n') {
                self.searched = 0;
                return Ok(Some((Some(tens as i64), at + 4)));
            }
            if matches!(tens, 1..=9) && ones <= 9 && (third, fourth) == (b'\r', b'\n') {
                self.searched = 0;
                return Ok(Some((Some((tens * 10 + ones) as i64), at + 5)));
            }
        }
        self.number_line_slowly(input, at, too_big)
    }

    #[inline(never)]
    #[allow(clippy::type_complexity)]
    fn number_line_slowly(
        &mut self,
        input: &[u8],
        at: usize,
        too_big: &str,
    ) -> Result<Option<(Option<i64>, usize)>, ProtocolFault> {
        let from = at + 1 + self.searched;
        let Some(length) = input.get(from..).and_then(|rest| rest.iter().position(|&byte| byte == b'\r')) else {
            if input.len() - at > MAX_LINE {
                return Err(format!("ERR Protocol error: {too_big}"));
            }
            self.searched = input.len().saturating_sub(at + 1);
            return Ok(None);
        };
        let end = from + length;
        if input.len() < end + 2 {
            self.searched = end - (at + 1);
            return Ok(None);
        }
        self.searched = 0;
        Ok(Some((crate::bytes::number::parse_i64(&input[at + 1..end]), end + 2)))
    }

    fn next_inline(&mut self, input: &[u8]) -> Result<Parsed, ProtocolFault> {
        let Some(length) = input[self.searched..].iter().position(|&byte| byte == b'\n') else {
            if input.len() > MAX_LINE {
                return Err("ERR Protocol error: too big inline request".into());
            }
            self.searched = input.len();
            return Ok(Parsed::Incomplete);
        };
        let end = self.searched + length;
        self.searched = 0;
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        self.spans.clear();
        self.unquoted.clear();
        self.inline = true;
        if !split_inline(line, &mut self.unquoted, &mut self.spans) {
            return Err("ERR Protocol error: unbalanced quotes in request".into());
        }
        Ok(if self.spans.is_empty() { Parsed::Nothing(end + 1) } else { Parsed::Request(end + 1) })
    }

    /// The arguments of the request that [`Parser::next`] just found at the start of `input`.
    #[inline]
    pub fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        Args::new(if self.inline { &self.unquoted } else { input }, &self.spans)
    }

    /// Gives back memory that an unusually large request took; between requests only, progress is kept.
    pub fn trim(&mut self) {
        if self.missing.is_some() {
            return;
        }
        if self.spans.capacity() > 1024 {
            self.spans = Vec::new();
        }
        if self.unquoted.capacity() > 1024 {
            self.unquoted = Vec::new();
        }
    }
}

/// Splits a line into arguments as redis-cli and inline requests do: blanks part them, `"..."` knows the escapes
/// `\n \r \t \b \a \xHH`, `'...'` knows `\'`. Bytes go to `bytes`, their places to `spans`; false when a quote
/// is left open or is followed by anything but a blank.
pub fn split_inline(line: &[u8], bytes: &mut Vec<u8>, spans: &mut Vec<Span>) -> bool {
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c | 0);
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(|&byte| is_blank(byte)) {
            at += 1;
        }
        if at >= line.len() {
            return true;
        }
        let start = bytes.len();
        let mut quote = 0u8;
        loop {
            let Some(&byte) = line.get(at) else {
                if quote != 0 {
                    return false;
                }
                break;
            };
            if quote == 0 {
                match byte {
                    b'"' | b'\'' => quote = byte,
                    _ if is_blank(byte) => break,
                    _ => bytes.push(byte),
                }
                at += 1;
            } else if byte == quote {
                at += 1;
                if line.get(at).is_some_and(|&next| !is_blank(next)) {
                    return false;
                }
                break;
            } else if byte == b'\\' && quote == b'\'' && line.get(at + 1) == Some(&b'\'') {
                bytes.push(b'\'');
                at += 2;
            } else if byte == b'\\' && quote == b'"' && at + 1 < line.len() {
                let hex = |index: usize| line.get(index).and_then(|&digit| (digit as char).to_digit(16));
                if line[at + 1] == b'x' {
                    if let (Some(high), Some(low)) = (hex(at + 2), hex(at + 3)) {
                        bytes.push((high * 16 + low) as u8);
                        at += 4;
                        continue;
                    }
                }
                bytes.push(match line[at + 1] {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 2;
            } else {
                bytes.push(byte);
                at += 1;
            }
        }
        spans.push(Span { start: start as u32, len: (bytes.len() - start) as u32 });
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
