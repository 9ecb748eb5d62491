//! SORT and SORT_RO: the elements of a list, set or sorted set in another order, by themselves or by what other keys
//! say about them.
//!
//! Elements are copied side by side into one buffer and sorted as indices into it. Values of other keys are borrowed
//! where they lie, so memory goes with the sorted key, whatever the patterns name; what GET answers is bounded.

use super::{int, Context, DataHandler, Handled, Options, Outcome};
use crate::bytes::number::{format_i64, parse_f64, push_i64, I64_TEXT};
use crate::keyspace::{Class, Keys, StrRef, Value, ValueRef};
use crate::memory::is_room_for;
use crate::resp::{Args, Fault};
use crate::structures::list::{End, Fill, List};
use crate::structures::listpack::Item;
use crate::structures::order::sort_indices;
use std::cmp::Ordering;

crate::commands! {
    /// The commands that sort.
    pub static TABLE: DataHandler, group "generic";

    /// Answers or stores the elements of a list, set or sorted set in sorted order.
    "sort" {
        since "1.0.0", cost "O(N+M*log(M)) for N elements of which M are answered; O(N) when they are not sorted",
        flags [WRITE DENYOOM MOVABLEKEYS],
        args "key@RO.access [BY by-pattern:pattern@?RO.access] [LIMIT limit=(offset:int count:int)] \
            [(GET get-pattern:pattern@?RO.access)...] [order=(ASC | DESC)] [ALPHA] [STORE destination@?OW.update]",
        reply "[bytes?] | int",
        also "=list set sortedset dangerous",
        keys_by keys_by,
        run sort,
    }
    /// Answers the elements of a list, set or sorted set in sorted order.
    "sort_ro" {
        since "7.0.0", cost "O(N+M*log(M)) for N elements of which M are answered; O(N) when they are not sorted",
        flags [READONLY MOVABLEKEYS],
        args "key@RO.access [BY by-pattern:pattern@?RO.access] [LIMIT limit=(offset:int count:int)] \
            [(GET get-pattern:pattern@?RO.access)...] [order=(ASC | DESC)] [ALPHA]",
        reply "[bytes?]",
        also "=list set sortedset dangerous",
        keys_by keys_by,
        run sort_ro,
    }
}

/// The keys that stand in the arguments: what is sorted and the last STORE. Those that patterns make of elements are
/// not in there.
fn keys_by(args: Args, visit: &mut dyn FnMut(usize, &'static str)) {
    visit(1, "RO.access");
    let (mut at, mut store) = (2, None);
    while at < args.len() {
        if args.is(at, "limit") {
            at += 2;
        } else if args.is(at, "get") || args.is(at, "by") {
            at += 1;
        } else if args.is(at, "store") && at + 1 < args.len() {
            store = Some(at + 1);
        }
        at += 1;
    }
    if let Some(at) = store {
        visit(at, "OW.update");
    }
}

/// What BY and GET name. Redis reads patterns as C strings: their stars and arrows count only before a zero byte.
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// No star: nothing is ever found.
    Nothing,
    /// The element between two texts names a string, or a hash in which a field is meant.
    Key { before: &'a [u8], behind: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    fn new(text: &'a [u8]) -> Self {
        let visible = until_zero(text);
        if visible == b"#" {
            return Pattern::Element;
        }
        let Some(star) = visible.iter().position(|&byte| byte == b'*') else { return Pattern::Nothing };
        let arrow = visible[star + 1..].windows(2).position(|pair| pair == b"->").map(|at| star + 1 + at);
        match arrow.filter(|at| at + 2 < visible.len()) {
            Some(at) => {
                Pattern::Key { before: &text[..star], behind: &text[star + 1..at], field: Some(&text[at + 2..]) }
            }
            None => Pattern::Key { before: &text[..star], behind: &text[star + 1..], field: None },
        }
    }

    /// Writes the key that is meant for `element` into `key`; false when the pattern names none.
    fn key(&self, element: &[u8], key: &mut Vec<u8>) -> bool {
        let Pattern::Key { before, behind, .. } = self else { return false };
        key.clear();
        key.extend_from_slice(before);
        key.extend_from_slice(element);
        key.extend_from_slice(behind);
        true
    }

    /// What is meant of the value that the key was found to hold.
    fn pick<'v>(&self, value: ValueRef<'v>) -> Option<Item<'v>> {
        let Pattern::Key { field, .. } = self else { return None };
        match (value, field) {
            (ValueRef::Hash(hash), Some(field)) => hash.get(field),
            (ValueRef::Str(StrRef::Int(number)), None) => Some(Item::Int(number)),
            (ValueRef::Str(StrRef::Bytes(bytes)), None) => Some(Item::Bytes(bytes)),
            _ => None,
        }
    }
}

/// A text as C sees it.
fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[derive(Default)]
struct Plan<'a> {
    by: Option<Pattern<'a>>,
    /// BY named no key: the order is left as it is.
    unsorted: bool,
    gets: Vec<Pattern<'a>>,
    descending: bool,
    alpha: bool,
    limit: Option<(i64, i64)>,
    store: Option<&'a [u8]>,
}

impl<'a> Plan<'a> {
    fn read(args: Args<'a>, stores: bool) -> Result<Self, Fault> {
        let mut plan = Plan::default();
        let mut options = Options::new(args, 2);
        while options.left() > 0 {
            if options.take("asc") {
                plan.descending = false;
            } else if options.take("desc") {
                plan.descending = true;
            } else if options.take("alpha") {
                plan.alpha = true;
            } else if options.left() >= 3 && options.take("limit") {
                plan.limit = Some((int(options.value()?)?, int(options.value()?)?));
            } else if stores && options.left() >= 2 && options.take("store") {
                plan.store = Some(options.value()?);
            } else if options.left() >= 2 && options.take("by") {
                let pattern = Pattern::new(options.value()?);
                // As in Redis one BY without a star switches sorting off for good.
                plan.unsorted |= !matches!(pattern, Pattern::Key { .. });
                plan.by = Some(pattern);
            } else if options.left() >= 2 && options.take("get") {
                plan.gets.push(Pattern::new(options.value()?));
            } else {
                return Err(Fault::Syntax);
            }
        }
        Ok(plan)
    }

    /// Which of `len` sorted elements are answered.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(offset).unwrap_or(if offset < 0 { 0 } else { len }).min(len);
        let count = if count < 0 { len } else { usize::try_from(count).unwrap_or(len) };
        start..start.saturating_add(count).min(len)
    }
}

/// Texts side by side.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, item: Item<'_>) {
        item.push_to(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

/// A borrowed text, or the digits of a number.
enum Weight<'v> {
    Bytes(&'v [u8]),
    Digits([u8; I64_TEXT], u8),
}

impl Weight<'_> {
    fn new(item: Item<'_>) -> Weight<'_> {
        match item {
            Item::Bytes(bytes) => Weight::Bytes(bytes),
            Item::Int(number) => {
                let (mut buffer, mut digits) = ([0; I64_TEXT], [0; I64_TEXT]);
                let text = format_i64(number, &mut buffer);
                digits[..text.len()].copy_from_slice(text);
                Weight::Digits(digits, text.len() as u8)
            }
        }
    }

    fn text(&self) -> &[u8] {
        match self {
            Weight::Bytes(bytes) => bytes,
            Weight::Digits(digits, len) => &digits[..*len as usize],
        }
    }
}

/// Reads a number to sort by as strtod does: blanks before it do not matter, no text at all is 0, and a decimal too
/// small to be precise is none.
fn number(text: &[u8]) -> Option<f64> {
    let text = until_zero(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let rounded = |number: &f64| number.is_subnormal() && !text.iter().any(|byte| matches!(byte, b'x' | b'X'));
    parse_f64(&text[blanks..]).filter(|number| !rounded(number))
}

const NOT_NUMBERS: Fault = Fault::Text("ERR One or more scores can't be converted into double");

fn sort(ctx: &mut Context, args: Args) -> Handled {
    sort_key(ctx, args, true)
}

fn sort_ro(ctx: &mut Context, args: Args) -> Handled {
    sort_key(ctx, args, false)
}

fn sort_key(ctx: &mut Context, args: Args, stores: bool) -> Handled {
    let mut plan = Plan::read(args, stores)?;
    let value = ctx.keys.read(args.at(1));
    let (mut stable, mut elements) = (true, Texts::default());
    let mut range = 0..0;
    match value {
        None => {}
        Some(ValueRef::List(list)) => {
            range = plan.range(list.len());
            if plan.unsorted {
                // From past the end (of an empty range) there is nothing to walk.
                let (from, end) = match plan.descending {
                    true => (list.len().wrapping_sub(1 + range.start), End::Back),
                    false => (range.start, End::Front),
                };
                list.iter_from(from, end).take(range.len()).for_each(|element| elements.push(element));
                range = 0..elements.len();
            } else {
                list.iter().for_each(|element| elements.push(element));
            }
        }
        Some(ValueRef::Set(set)) => {
            // What is stored must not depend on the order in which a set happens to lie.
            if plan.unsorted && plan.store.is_some() {
                (plan.unsorted, plan.alpha, plan.by) = (false, true, None);
            }
            stable = false;
            range = plan.range(set.len());
            set.iter().for_each(|member| elements.push(member));
        }
        Some(ValueRef::SortedSet(set)) => {
            range = plan.range(set.len());
            if plan.unsorted {
                let members = set.range(range.start, range.len(), plan.descending);
                members.for_each(|(member, _)| elements.push(member));
                range = 0..range.len();
            } else {
                set.iter().for_each(|(member, _)| elements.push(member));
            }
        }
        Some(_) => return Err(Fault::WrongType),
    }
    let order = if plan.unsorted {
        (0..elements.len()).collect()
    } else {
        sorted(&mut ctx.keys, &plan, &elements, stable, range.clone())?
    };
    let chosen = order[range].iter().map(|&index| elements.get(index));
    match plan.store {
        None => answer(ctx, &plan.gets, chosen),
        Some(key) => store(ctx, &plan.gets, chosen, key),
    }
}

/// The order of the elements, as indices; only what `range` covers needs to be in its place. Elements that compare
/// the same stay in the order they came in, or where that has no meaning (`stable` says so) go by their bytes.
fn sorted(
    keys: &mut Keys,
    plan: &Plan,
    elements: &Texts,
    stable: bool,
    range: std::ops::Range<usize>,
) -> Result<Vec<usize>, Fault> {
    let mut order: Vec<usize> = (0..elements.len()).collect();
    let mut name = Vec::new();
    if let Some(by) = &plan.by {
        // First all keys are read, which counts and may remove some; then their values can be borrowed together.
        for index in 0..elements.len() {
            by.key(elements.get(index), &mut name);
            keys.read(&name);
        }
    }
    let keys: &Keys = keys;
    let mut weigh = |by: &Pattern, index: usize| {
        by.key(elements.get(index), &mut name);
        keys.held(&name).and_then(|value| by.pick(value))
    };
    let direction = |ordering: Ordering| if plan.descending { ordering.reverse() } else { ordering };
    let tie = |a: &usize, b: &usize| match stable {
        true => a.cmp(b),
        false => elements.get(*a).cmp(elements.get(*b)).then(a.cmp(b)),
    };
    if !plan.alpha {
        let weights: Option<Vec<f64>> = (0..elements.len())
            .map(|index| match &plan.by {
                None => number(elements.get(index)),
                Some(by) => match weigh(by, index) {
                    None => Some(0.0),
                    Some(Item::Int(value)) => Some(value as f64),
                    Some(Item::Bytes(text)) => number(text),
                },
            })
            .collect();
        let weights = weights.ok_or(NOT_NUMBERS)?;
        sort_indices(&mut order, range, &mut |a, b| {
            let by_weight = weights[*a].partial_cmp(&weights[*b]).unwrap_or(Ordering::Equal);
            direction(by_weight.then_with(|| elements.get(*a).cmp(elements.get(*b)))).then_with(|| a.cmp(b))
        });
        return Ok(order);
    }
    // What is answered is collated as C strings in the C locale, what is stored by all its bytes.
    let shown = |text| if plan.store.is_some() { text } else { until_zero(text) };
    match &plan.by {
        None => sort_indices(&mut order, range, &mut |a, b| {
            direction(shown(elements.get(*a)).cmp(shown(elements.get(*b)))).then_with(|| tie(a, b))
        }),
        Some(by) => {
            let weights: Vec<Option<Weight>> =
                (0..elements.len()).map(|index| weigh(by, index).map(Weight::new)).collect();
            let text = |index: usize| weights[index].as_ref().map(|weight| shown(weight.text()));
            sort_indices(&mut order, range, &mut |a, b| direction(text(*a).cmp(&text(*b))).then_with(|| tie(a, b)));
        }
    }
    Ok(order)
}

/// Bytes that are stored before it is asked whether there is memory for as many again.
const ASKED: usize = 32 << 10;

/// What GET may still answer: a few keys, asked for again and again, would else make a reply of any size.
struct Allowance(usize);

impl Allowance {
    /// An allowance of `bytes` for `count` values, each of which takes some bytes even when it is not there.
    fn new(bytes: usize, count: usize) -> Result<Self, Fault> {
        let mut allowance = Allowance(bytes);
        allowance.take(count.saturating_mul(5))?;
        Ok(allowance)
    }

    fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(Fault::Text("ERR the result of SORT exceeds maximum allowed size (proto-max-bulk-len)")),
        }
    }
}

/// Looks up what `get` names for `element` and hands it on: nothing when it is not there.
fn look_up(
    keys: &mut Keys,
    get: &Pattern,
    element: &[u8],
    name: &mut Vec<u8>,
    take: impl FnOnce(Option<Item<'_>>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    match get {
        Pattern::Element => take(Some(Item::Bytes(element))),
        Pattern::Nothing => take(None),
        Pattern::Key { .. } => {
            get.key(element, name);
            take(keys.read(name).and_then(|value| get.pick(value)))
        }
    }
}

fn answer<'e>(ctx: &mut Context, gets: &[Pattern], chosen: impl ExactSizeIterator<Item = &'e [u8]>) -> Handled {
    if gets.is_empty() {
        ctx.reply.array(chosen.len());
        chosen.for_each(|element| ctx.reply.bulk(element));
        return Ok(Outcome::Done);
    }
    let count = chosen.len().saturating_mul(gets.len());
    let mut allowance = Allowance::new(ctx.keys.space().limits.bulk, count)?;
    let mut name = Vec::new();
    ctx.reply.array(count);
    for element in chosen {
        for get in gets {
            let reply = &mut ctx.reply;
            look_up(&mut ctx.keys, get, element, &mut name, |found| {
                allowance.take(found.map_or(0, |item| item.len()))?;
                match found {
                    Some(Item::Bytes(bytes)) => reply.bulk(bytes),
                    Some(Item::Int(number)) => reply.bulk_int(number),
                    None => reply.null(),
                }
                Ok(())
            })?;
        }
    }
    Ok(Outcome::Done)
}

fn store<'e>(
    ctx: &mut Context,
    gets: &[Pattern],
    chosen: impl ExactSizeIterator<Item = &'e [u8]>,
    key: &[u8],
) -> Handled {
    let limits = ctx.keys.space().limits;
    let (fill, mut list) = (Fill::from_config(limits.list), List::unsettled());
    if gets.is_empty() {
        chosen.for_each(|element| list.push(End::Back, element, fill));
    } else {
        let mut allowance = Allowance::new(limits.bulk, chosen.len().saturating_mul(gets.len()))?;
        let (mut name, mut text, mut unasked) = (Vec::new(), Vec::new(), 0);
        for element in chosen {
            for get in gets {
                look_up(&mut ctx.keys, get, element, &mut name, |found| {
                    let length = found.map_or(0, |item| item.len());
                    allowance.take(length)?;
                    unasked += length + 64;
                    if unasked > ASKED {
                        if !is_room_for(4 * unasked) {
                            return Err(Fault::NO_MEMORY);
                        }
                        unasked = 0;
                    }
                    text.clear();
                    match found {
                        Some(Item::Bytes(bytes)) => list.push(End::Back, bytes, fill),
                        Some(Item::Int(number)) => {
                            push_i64(&mut text, number);
                            list.push(End::Back, &text, fill);
                        }
                        None => list.push(End::Back, b"", fill),
                    }
                    Ok(())
                })?;
            }
        }
    }
    let count = list.len();
    ctx.reply.count(count);
    if count == 0 {
        ctx.keys.delete(key);
        return Ok(Outcome::Done);
    }
    list.settle(fill);
    ctx.keys.put(key, Value::List(list));
    ctx.keys.modified(key, Class::LIST, "sortstore");
    ctx.keys.dirty(count as u64 - 1);
    Ok(Outcome::Done)
}

#[cfg(test)]
#[path = "sort_tests.rs"]
mod tests;
