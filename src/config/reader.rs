//! Reads layers of TOML (the user's file, then the board profile) against the schema. What it hands on is of the right
//! kind and in range; everything else has been complained about.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::{Complained, Complaints, Place, Source};
use super::hint;
use super::schema::{self, Absent, Choice, Key, Kind, Part, Table, Value};

/// One text with settings, parsed.
pub(crate) struct Layer<'a> {
    /// Where it comes from.
    pub(crate) source: &'a Source,
    /// Its tables.
    pub(crate) table: DeTable<'a>,
    /// A profile: has `[about]`, has no `board`.
    pub(crate) is_board: bool,
}

/// A value with its origin.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The value.
    pub(crate) value: Value,
    /// Where it stands; `None`: the default.
    pub(crate) place: Option<Place>,
}

/// Table and key.
type Name = (&'static str, &'static str);

/// All settings, merged: the user's, else the board's, else the default.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What has a value, or had a wrong one.
    values: BTreeMap<Name, Result<Setting, Complained>>,
    /// Where the tables stand: the user's, else the board's.
    headers: BTreeMap<&'static str, Place>,
    /// The end of the user's file.
    end: Place,
    /// The tables in force, in order.
    pub(crate) tables: Vec<&'static Table>,
    /// The table chosen for PTT.
    pub(crate) ptt: Result<&'static Table, Complained>,
    /// The table chosen for COS.
    pub(crate) cos: Result<&'static Table, Complained>,
}

impl Settings {
    /// The setting, if it has a value.
    pub(crate) fn get(&self, table: &str, key: &str) -> Result<Option<&Setting>, Complained> {
        let found = self.values.iter().find(|((t, k), _)| *t == table && *k == key);
        found.map(|(_, setting)| setting.as_ref().map_err(|done| *done)).transpose()
    }

    /// Where a table begins, or the end of the user's file if there is none.
    pub(crate) fn header(&self, table: &str) -> Place {
        self.headers.get(table).unwrap_or(&self.end).clone()
    }

    /// Where a key stands, else its table.
    pub(crate) fn place(&self, table: &str, key: &str) -> Place {
        let place = self.get(table, key).ok().flatten().and_then(|setting| setting.place.clone());
        place.unwrap_or_else(|| self.header(table))
    }
}

/// Parses one text.
pub(crate) fn parse<'a>(source: &'a Source, complaints: &mut Complaints) -> Result<DeTable<'a>, Complained> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let place = error.span().map_or_else(|| source.end(), |span| source.place(&span));
        complaints.add(
            place,
            format!("this is not TOML: {}", error.message()),
            "lines like `key = value` under [table] headers; text in double quotes, numbers without",
            hint::syntax(error.message()),
        );
    }
    if errors.is_empty() { Ok(table.into_inner()) } else { Err(Complained) }
}

/// Reads the layers, the most important first.
pub(crate) fn read(layers: &[Layer<'_>], complaints: &mut Complaints) -> Settings {
    let seen: Vec<Seen> = layers.iter().map(|layer| Walk { layer, complaints }.walk()).collect();
    let end = layers.first().map_or_else(|| Place::file(""), |layer| layer.source.end());
    let headers: BTreeMap<_, _> = seen.first().map(|seen| seen.headers.clone()).unwrap_or_default();
    let mut merge = Merge { seen: &seen, headers, end, complaints, values: BTreeMap::new() };
    let mut tables = Vec::new();
    let mut chosen = BTreeMap::new();
    for part in schema::PARTS {
        let table = match part {
            Part::Table(table) => Ok(table),
            Part::Choice(choice) => {
                let table = merge.choose(choice);
                chosen.insert(choice.name, table);
                table
            }
        };
        if let Ok(table) = table {
            merge.table(table);
            tables.push(table);
        }
    }
    let pick = |name| chosen.get(name).copied().unwrap_or(Err(Complained));
    let (ptt, cos) = (pick(schema::PTT.name), pick(schema::COS.name));
    let (values, end) = (merge.values, merge.end);
    let headers = seen.into_iter().rev().flat_map(|seen| seen.headers).collect();
    Settings { values, headers, end, tables, ptt, cos }
}

/// What one layer says.
#[derive(Default)]
struct Seen {
    values: BTreeMap<Name, Result<Setting, Complained>>,
    headers: BTreeMap<&'static str, Place>,
    /// Tables and choices about which something was said that leaves their keys open.
    spoiled: Vec<&'static str>,
}

/// Goes through one layer.
struct Walk<'a, 'l> {
    layer: &'a Layer<'l>,
    complaints: &'a mut Complaints,
}

impl Walk<'_, '_> {
    fn walk(&mut self) -> Seen {
        let mut seen = Seen::default();
        let layer = self.layer;
        for (name, value) in &layer.table {
            let text: &str = name.get_ref();
            let part = schema::PARTS.into_iter().find(|part| part.name() == text);
            match part {
                Some(Part::Table(table)) => self.table(table, name.span(), value, &mut seen),
                Some(Part::Choice(choice)) => self.choice(choice, &name.span(), value, &mut seen),
                None if text == schema::BOARD.name && !layer.is_board => {}
                None if text == schema::ABOUT.name && layer.is_board => {
                    self.table(&schema::ABOUT, name.span(), value, &mut seen);
                }
                None => self.unknown_at_top(text, &name.span(), &mut seen),
            }
        }
        seen
    }

    fn table(
        &mut self,
        table: &'static Table,
        header: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        seen: &mut Seen,
    ) {
        let DeValue::Table(keys) = value.get_ref() else {
            seen.spoiled.push(table.name);
            self.not_a_table(&format!("[{}]", table.name), table.name, value);
            return;
        };
        seen.headers.insert(table.name, self.layer.source.place(&header));
        for (name, value) in keys {
            let text: &str = name.get_ref();
            match table.key(text) {
                Some(key) => {
                    let setting = self.value(table, key, value);
                    seen.values.insert((table.name, key.name), setting);
                }
                None => self.unknown_key(table, text, &name.span(), seen),
            }
        }
    }

    fn choice(
        &mut self,
        choice: &'static Choice,
        header: &Range<usize>,
        value: &Spanned<DeValue<'_>>,
        seen: &mut Seen,
    ) {
        let DeValue::Table(kinds) = value.get_ref() else {
            seen.spoiled.push(choice.name);
            self.not_a_table(&choice.names(), &format!("{}.none", choice.name), value);
            return;
        };
        if kinds.is_empty() {
            seen.spoiled.push(choice.name);
            let help = format!("write the kind into the header: {}", choice.names());
            self.complain(header, format!("[{}] says nothing", choice.name), &choice.names(), &help);
        }
        for (name, value) in kinds {
            let text: &str = name.get_ref();
            if let Some(table) = choice.table(text) {
                self.table(table, name.span(), value, seen);
            } else {
                seen.spoiled.push(choice.name);
                self.unknown_kind(choice, text, &name.span());
            }
        }
    }

    fn value(
        &mut self,
        table: &Table,
        key: &'static Key,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Setting, Complained> {
        let place = self.layer.source.place(&value.span());
        match check(key, value.get_ref()) {
            Ok(value) => Ok(Setting { value, place: Some(place) }),
            Err(Wrong { found, help }) => {
                let what = format!("`{}` in [{}] {found}", key.name, table.name);
                let help = help.unwrap_or_else(|| hint::default(key));
                Err(self.complaints.add(place, what, &key.kind.expected(), &help))
            }
        }
    }

    fn not_a_table(&mut self, expected: &str, name: &str, value: &Spanned<DeValue<'_>>) {
        let found = format!("a table belongs here, not {}", found(value.get_ref()));
        let help = format!("write [{name}] on a line of its own and the keys below it");
        self.complain(&value.span(), found, &format!("the table {expected}"), &help);
    }

    fn unknown_at_top(&mut self, name: &str, span: &Range<usize>, seen: &mut Seen) {
        let parts: Vec<&'static str> = schema::PARTS.iter().map(|part| part.name()).collect();
        let board = (!self.layer.is_board).then_some(schema::BOARD.name);
        let help = match hint::nearest(name, parts.iter().copied().chain(board)) {
            Some(near) => {
                seen.spoiled.extend(parts.iter().find(|part| **part == near));
                format!("did you mean `{near}`?")
            }
            None => hint::elsewhere(name, None),
        };
        let expected = format!("`board` or one of the tables {}", parts.join(", "));
        self.complain(span, format!("`{name}` is not known"), &expected, &help);
    }

    fn unknown_key(&mut self, table: &'static Table, name: &str, span: &Range<usize>, seen: &mut Seen) {
        let expected = match table.keys {
            [] => format!("[{}] has no keys", table.name),
            keys => keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", "),
        };
        let names = table.keys.iter().map(|key| key.name);
        let help = match hint::alias(table, name).or_else(|| hint::nearest(name, names)) {
            Some(near) => {
                // Said once: the key that was meant is not missing as well.
                if let Some(key) = table.key(near) {
                    seen.values.entry((table.name, key.name)).or_insert(Err(Complained));
                }
                hint::meant(name, near)
            }
            None => hint::elsewhere(name, Some(table)),
        };
        self.complain(span, format!("`{name}` is not a key of [{}]", table.name), &expected, &help);
    }

    fn unknown_kind(&mut self, choice: &'static Choice, name: &str, span: &Range<usize>) {
        let whole = format!("[{}.{name}]", choice.name);
        let kinds = || choice.tables.iter().map(|table| choice.kind(table));
        if choice.tables.iter().any(|table| table.key(name).is_some()) {
            let what = format!("`{name}` stands directly in [{}]", choice.name);
            let help = format!("write the kind into the header: {}", choice.names());
            self.complain(span, what, &choice.names(), &help);
        } else {
            let near = hint::nearest(name, kinds());
            let help = near.map_or_else(
                || format!("choose one of {}", choice.names()),
                |near| format!("did you mean [{}.{near}]?", choice.name),
            );
            self.complain(span, format!("{whole} is not known"), &choice.names(), &help);
        }
    }

    fn complain(&mut self, span: &Range<usize>, what: String, expected: &str, help: &str) {
        self.complaints.add(self.layer.source.place(span), what, expected, help);
    }
}

/// Why a value is refused.
struct Wrong {
    /// "is 30", "is text".
    found: String,
    /// What to do, where that is more than looking at the range.
    help: Option<String>,
}

/// What stands there, for a person.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "text".to_owned(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn check(key: &Key, value: &DeValue<'_>) -> Result<Value, Wrong> {
    let wrong = || Wrong { found: format!("is {}", found(value)), help: hint::quotes(key, value) };
    let whole = || value.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
    let number = || value.as_float().and_then(|n| n.as_str().parse::<f64>().ok()).filter(|n| n.is_finite());
    let text = || value.as_str().filter(|text| !text.is_empty()).map(|text| Value::Text(text.to_owned()));
    let accepted = match key.kind {
        Kind::Bool => value.as_bool().map(Value::Bool),
        Kind::Integer { min, max, .. } => whole().filter(|n| (min..=max).contains(n)).map(Value::Integer),
        Kind::Steps { steps, .. } => whole().filter(|n| steps.contains(n)).map(Value::Integer),
        Kind::Number { min, max, .. } => {
            let range = min..=max;
            let from_whole = whole().filter(|n| range.contains(&(*n as f64))).map(Value::Integer);
            from_whole.or_else(|| number().filter(|n| range.contains(n)).map(Value::Number))
        }
        Kind::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => text(),
            Some(word) => return Err(hint_word(word, words)),
            None => None,
        },
        Kind::Line if value.is_integer() => whole().filter(|n| (0..=1_023).contains(n)).map(Value::Integer),
        Kind::List => texts(value).map(Value::List),
        Kind::Text | Kind::Path | Kind::SecretPath | Kind::Device | Kind::Line | Kind::Hid => text(),
    };
    accepted.ok_or_else(wrong)
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let text = |item: &Spanned<DeValue<'_>>| {
        item.get_ref().as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    value.as_array()?.iter().map(text).collect()
}

fn hint_word(word: &str, words: &[&'static str]) -> Wrong {
    let near = hint::nearest(&word.to_lowercase(), words.iter().copied());
    Wrong { found: format!("is {word:?}"), help: near.map(|near| format!("did you mean \"{near}\"?")) }
}

/// Puts the layers together.
struct Merge<'a> {
    seen: &'a [Seen],
    headers: BTreeMap<&'static str, Place>,
    end: Place,
    complaints: &'a mut Complaints,
    values: BTreeMap<Name, Result<Setting, Complained>>,
}

impl Merge<'_> {
    /// The table of a choice that holds: the user's, else the board's.
    fn choose(&mut self, choice: &'static Choice) -> Result<&'static Table, Complained> {
        for seen in self.seen {
            let given: Vec<_> = choice
                .tables
                .iter()
                .filter_map(|table| seen.headers.get(table.name).map(|place| (place, table)))
                .collect();
            match given.as_slice() {
                _ if seen.spoiled.contains(&choice.name) => return Err(Complained),
                [] => {}
                [(_, only)] => return Ok(only),
                [..] => return Err(self.several(choice, &given)),
            }
        }
        let what = format!("there is no [{}.*] table", choice.name);
        let help = format!("{} Without a line write [{}.none]", choice.doc, choice.name);
        Err(self.complaints.add(self.end.clone(), what, &format!("one of {}", choice.names()), &help))
    }

    fn several(&mut self, choice: &'static Choice, given: &[(&Place, &'static Table)]) -> Complained {
        let names: Vec<String> = given.iter().map(|(_, table)| format!("[{}]", table.name)).collect();
        let last = given.iter().map(|(place, _)| *place).max().unwrap_or(&self.end).clone();
        let what = format!("{} are both given", names.join(" and "));
        let expected = format!("exactly one of {}", choice.names());
        self.complaints.add(last, what, &expected, "keep the one that is wired, delete the others")
    }

    fn table(&mut self, table: &'static Table) {
        let spoiled = self.seen.iter().any(|seen| seen.spoiled.contains(&table.name));
        for key in table.keys {
            let name = (table.name, key.name);
            let given = self.seen.iter().find_map(|seen| seen.values.get(&name)).cloned();
            let setting = match (given, key.absent.value()) {
                (Some(setting), _) => Some(setting),
                (None, Some(value)) => Some(Ok(Setting { value, place: None })),
                (None, None) if key.absent != Absent::Required => None,
                (None, None) if spoiled => Some(Err(Complained)),
                (None, None) => Some(Err(self.missing(table, key))),
            };
            if let Some(setting) = setting {
                self.values.insert(name, setting);
            }
        }
    }

    fn missing(&mut self, table: &'static Table, key: &'static Key) -> Complained {
        let (place, help) = match self.headers.get(table.name) {
            Some(place) => (place.clone(), format!("add a line `{} = …`: {}", key.name, key.doc)),
            None => (
                self.end.clone(),
                format!("add a table [{}] with a line `{} = …`: {}", table.name, key.name, key.doc),
            ),
        };
        let of_board = self.seen.iter().skip(1).any(|board| board.headers.contains_key(table.name));
        let what = if of_board {
            format!("the board needs `{}` in [{}], which only you can know", key.name, table.name)
        } else {
            format!("`{}` is missing in [{}]", key.name, table.name)
        };
        self.complaints.add(place, what, &key.kind.expected(), &help)
    }
}
