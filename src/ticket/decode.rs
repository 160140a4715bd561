//! Tickets in, one Arrow batch out.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use arrow::{
    array::{
        ArrayBuilder, ArrayRef, BooleanArray, RecordBatch, StringArray, StringBuilder,
        TimestampMicrosecondArray,
    },
    compute::filter_record_batch,
    datatypes::{Field, Schema},
    error::ArrowError,
};
use jiff::tz::TimeZone;

use super::{
    CustomShape,
    cells::Cells,
    custom::{as_sent, push_value},
    layout::{Keys, Layout, Slot},
    rescue::Rescue,
    scalar::{self, Cell},
};
use crate::{
    columns::{DELETED_AT, RESCUED, SYNCED_AT, Type},
    fields::column_name,
    json::{Cursor, Json, Malformed},
    when::Clock,
};

/// What a page of tickets became.
pub struct Decoded {
    /// The layout's schema, and a text column for each field that it does not know.
    pub batch: RecordBatch,
    /// For each ticket in the order sent: its id, or `None` where it could not be read and the ticket is left out.
    pub ids: Vec<Option<i64>>,
    /// Names of fields that the layout does not know.
    pub undefined: Vec<String>,
    /// Row of the batch and key of each rescued value.
    pub rescued: Vec<(usize, String)>,
}

/// Reads tickets into the columns of a layout.
pub struct Decoder {
    layout: Arc<Layout>,
    clock: Clock,
    cells: Vec<Cells>,
    rescued: StringBuilder,
    rescue: Rescue,
    counted: Vec<(usize, String)>,
    ids: Vec<Option<i64>>,
    undefined: Vec<(String, Cells)>,
    undefined_by_name: HashMap<String, usize>,
    key_order: Order,
    field_order: Order,
    /// For each custom field the row and the entry that named it last.
    last: Vec<(usize, usize)>,
}

impl Decoder {
    /// A decoder with room for `rows` tickets whose zoneless times are local to `zone`.
    pub fn new(layout: Arc<Layout>, zone: TimeZone, rows: usize) -> Self {
        let cells = layout.types.iter().map(|of| Cells::new(*of, rows)).collect();
        let (key_order, field_order) = (Order::new(layout.keys.list.len()), Order::new(layout.custom.len()));
        let last = vec![(usize::MAX, 0); layout.custom.len()];
        Self {
            layout,
            clock: Clock::new(zone),
            cells,
            rescued: StringBuilder::new(),
            rescue: Rescue::default(),
            counted: Vec::new(),
            ids: Vec::with_capacity(rows),
            undefined: Vec::new(),
            undefined_by_name: HashMap::new(),
            key_order,
            field_order,
            last,
        }
    }

    /// Reads one ticket; an element that is no object counts as a ticket without an id.
    pub fn push(&mut self, ticket: &str) -> Result<(), Malformed> {
        let layout = Arc::clone(&self.layout);
        let mut due: Vec<(usize, Json)> = Vec::new();
        let mut cursor = Cursor::new(ticket);
        if cursor.peek() == b'{' {
            let mut previous = None;
            cursor.object(|key, cursor| {
                let key = key.decoded();
                let Some(at) = layout.keys.find(&key, *self.key_order.behind(previous)) else {
                    self.rescue.keep(&key, &cursor.value()?);
                    return Ok(());
                };
                *self.key_order.behind(previous) = at;
                previous = Some(at);
                match &layout.keys.list[at].1 {
                    Slot::Custom => self.push_custom(&key, cursor),
                    Slot::FirstInstant => {
                        due.push((at, cursor.value()?));
                        Ok(())
                    }
                    Slot::Object(keys) => {
                        self.push_object(&key, keys, &cursor.value()?);
                        Ok(())
                    }
                    slot => {
                        self.push_slot(&key, slot, &cursor.value()?);
                        Ok(())
                    }
                }
            })?;
        } else {
            cursor.skip()?;
        }
        self.push_first_instant(due);
        self.end_row();
        Ok(())
    }

    fn end_row(&mut self) {
        let rows = self.ids.len() + 1;
        for (column, value) in &self.layout.constants {
            open(&mut self.cells[*column], rows - 1).push_text(value);
        }
        let id = match &self.cells[self.layout.id] {
            Cells::Int64(ids) if ids.len() == rows => ids.values_slice().last().copied(),
            _ => None,
        };
        match self.rescue.take() {
            Some((json, keys)) => {
                self.rescued.append_value(json);
                self.counted.extend(keys.into_iter().map(|key| (rows - 1, key)));
            }
            None => self.rescued.append_null(),
        }
        self.ids.push(id);
    }

    /// Puts a value into its columns, or rescues it; the first of two equal keys counts.
    fn push_slot(&mut self, key: &str, slot: &Slot, json: &Json) {
        if matches!(json, Json::Null) {
            return;
        }
        let row = self.ids.len();
        let cells = &mut self.cells;
        let mut set = |column: usize, push: &mut dyn FnMut(&mut Cells)| {
            let cells = &mut cells[column];
            if cells.len() <= row {
                push(open(cells, row));
            }
        };
        let place = |cell: Cell<()>| matches!(cell, Cell::Unfit);
        let unfit = match slot {
            Slot::Text(column) => place(scalar::text(json).map(|v| set(*column, &mut |c| c.push_text(&v)))),
            Slot::Code(column) => place(scalar::code(json).map(|v| set(*column, &mut |c| c.push_text(&v)))),
            Slot::Int64(column) => place(scalar::integer(json).map(|v| set(*column, &mut |c| c.push_int(v)))),
            Slot::Bool(column) => place(scalar::boolean(json).map(|v| set(*column, &mut |c| c.push_bool(v)))),
            Slot::Instant(column) => {
                place(scalar::instant(json, &self.clock).map(|v| set(*column, &mut |c| c.push_int(v))))
            }
            Slot::Int64List(column) => {
                place(scalar::integers(json).map(|v| set(*column, &mut |c| c.push_ints(&v))))
            }
            Slot::TextList(column) => place(
                scalar::texts(json)
                    .map(|v| set(*column, &mut |c| c.push_texts(v.iter().map(Option::as_deref)))),
            ),
            Slot::Named { label, code, names } => place(scalar::text(json).map(|v| {
                set(*label, &mut |c| c.push_text(&v));
                if let Some((_, name)) = names.iter().find(|(name, _)| *name == v) {
                    set(*code, &mut |c| c.push_text(name));
                }
            })),
            Slot::Ranked { label, rank, ranks } => place(scalar::text(json).map(|v| {
                set(*label, &mut |c| c.push_text(&v));
                if let Some((_, number)) = ranks.iter().find(|(name, _)| name.eq_ignore_ascii_case(&v)) {
                    set(*rank, &mut |c| c.push_small(*number));
                }
            })),
            Slot::Flag { number, flag } => place(scalar::small_integer(json).map(|v| {
                set(*number, &mut |c| c.push_small(v));
                if v == 0 || v == 1 {
                    set(*flag, &mut |c| c.push_bool(v == 1));
                }
            })),
            Slot::FirstInstant | Slot::Object(_) | Slot::Custom => false,
        };
        if unfit {
            self.rescue.keep(key, json);
        }
    }

    fn push_object(&mut self, key: &str, keys: &Keys, json: &Json) {
        match json {
            Json::Null => {}
            Json::Text(text) if text.is_empty() => {}
            Json::List(_) if json.elements().is_empty() => {}
            Json::Object(_) => {
                self.rescue.enter(key);
                for (guess, (inner, value)) in json.entries().into_iter().enumerate() {
                    let inner = inner.decoded();
                    match keys.find(&inner, guess) {
                        Some(at) => self.push_slot(&inner, &keys.list[at].1, &value),
                        None => self.rescue.keep(&inner, &value),
                    }
                }
                self.rescue.leave();
            }
            _ => self.rescue.keep(key, json),
        }
    }

    /// The first key of the mapping that gives an instant fills the column; another, different one is rescued.
    fn push_first_instant(&mut self, mut sent: Vec<(usize, Json)>) {
        let layout = Arc::clone(&self.layout);
        let Some((column, _)) = &layout.first_instant else { return };
        sent.sort_by_key(|(at, _)| *at);
        let mut chosen = None;
        for (at, json) in sent {
            let key = layout.keys.list[at].0;
            match scalar::instant(&json, &self.clock) {
                Cell::Value(value) if chosen.is_none() => {
                    chosen = Some(value);
                    open(&mut self.cells[*column], self.ids.len()).push_int(value);
                }
                Cell::Value(value) if chosen == Some(value) => {}
                Cell::Null => {}
                Cell::Value(_) | Cell::Unfit => self.rescue.keep(key, &json),
            }
        }
    }

    fn push_custom(&mut self, key: &str, cursor: &mut Cursor) -> Result<(), Malformed> {
        let entries = match (cursor.peek(), self.layout.shape) {
            (b'[', CustomShape::Entries) => list_entries(cursor, self.layout.custom.len())?,
            (b'{', CustomShape::Object) => object_entries(cursor, self.layout.custom.len())?,
            _ => {
                let json = cursor.value()?;
                let nothing = match &json {
                    Json::Null => true,
                    Json::Text(text) => text.is_empty(),
                    Json::List(_) | Json::Object(_) => {
                        json.elements().is_empty() && json.entries().is_empty()
                    }
                    Json::Bool(_) | Json::Number(_) => false,
                };
                if !nothing {
                    self.rescue.keep(key, &json);
                }
                return Ok(());
            }
        };
        self.rescue.enter(key);
        self.push_entries(&entries);
        self.rescue.leave();
        Ok(())
    }

    fn push_entries(&mut self, entries: &[Entry]) {
        let layout = Arc::clone(&self.layout);
        let row = self.ids.len();
        let mut fields = Vec::with_capacity(entries.len());
        let mut previous = None;
        for (at, (name, _, _)) in entries.iter().enumerate() {
            let field = name.as_deref().and_then(|name| self.find_field(&layout, name, previous));
            if let Some(field) = field {
                self.last[field] = (row, at);
                previous = Some(field);
            }
            fields.push(field);
        }
        let mut nameless = Vec::new();
        for (at, (name, value, entry)) in entries.iter().enumerate() {
            match (name, fields[at]) {
                (Some(_), Some(field)) if self.last[field] == (row, at) => {
                    self.push_field(&layout, field, value)
                }
                (Some(name), None)
                    if entries[at + 1..].iter().all(|(later, _, _)| later.as_ref() != Some(name)) =>
                {
                    self.push_undefined(&layout, name, value);
                }
                _ => nameless.push(*entry),
            }
        }
        if !nameless.is_empty() {
            self.rescue.keep_list("", &nameless);
        }
    }

    fn find_field(&mut self, layout: &Layout, name: &str, previous: Option<usize>) -> Option<usize> {
        let guess = *self.field_order.behind(previous);
        if layout.fields.get(guess).is_some_and(|field| field.name == name) {
            return Some(guess);
        }
        let found = layout.fields.position(name)?;
        *self.field_order.behind(previous) = found;
        Some(found)
    }

    fn push_field(&mut self, layout: &Layout, at: usize, json: &Json) {
        let Some(field) = layout.fields.get(at) else { return };
        if matches!(json, Json::Null) {
            return;
        }
        let (column, row) = (layout.custom[at], self.ids.len());
        if !push_value(open(&mut self.cells[column], row), field, json, &self.clock) {
            self.rescue.keep(&field.name, json);
        }
        if field.twin {
            open(&mut self.cells[column + 1], row).push_text(&as_sent(json));
        }
    }

    /// A field without a definition becomes a text column of its own; one whose column name is taken is rescued.
    fn push_undefined(&mut self, layout: &Layout, name: &str, json: &Json) {
        if layout.fields.clashes(name) {
            return self.rescue.keep(name, json);
        }
        let at = *self.undefined_by_name.entry(name.to_owned()).or_insert_with(|| {
            self.undefined.push((name.to_owned(), Cells::new(Type::Text, 0)));
            self.undefined.len() - 1
        });
        if !matches!(json, Json::Null) {
            open(&mut self.undefined[at].1, self.ids.len()).push_text(&as_sent(json));
        }
    }

    /// The batch of all tickets that had an id. `synced_at` is the instant of reading, microseconds since 1970.
    pub fn finish(mut self, synced_at: i64) -> Result<Decoded, ArrowError> {
        let rows = self.ids.len();
        let mut columns: Vec<ArrayRef> =
            self.cells.iter_mut().map(|cells| open(cells, rows).finish()).collect();
        let mut schema: Vec<_> = self.layout.schema.fields()[..columns.len()].to_vec();
        for (name, cells) in &mut self.undefined {
            columns.push(open(cells, rows).finish());
            schema.push(Arc::new(Field::new(column_name(name), Type::Text.arrow(), true)));
        }
        let synced = TimestampMicrosecondArray::from_value(synced_at, rows).with_timezone("UTC");
        let deleted = TimestampMicrosecondArray::new_null(rows).with_timezone("UTC");
        let rescued: StringArray = self.rescued.finish();
        for (name, column) in [
            (RESCUED, Arc::new(rescued) as ArrayRef),
            (SYNCED_AT, Arc::new(synced)),
            (DELETED_AT, Arc::new(deleted)),
        ] {
            schema.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
            columns.push(column);
        }
        // A batch with a null id cannot be made under the schema, so those rows go first.
        let kept: BooleanArray = self.ids.iter().map(|id| Some(id.is_some())).collect();
        if kept.true_count() < rows {
            let all: Vec<_> = schema.iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
            let batch =
                filter_record_batch(&RecordBatch::try_new(Arc::new(Schema::new(all)), columns)?, &kept)?;
            columns = batch.columns().to_vec();
            let row_of: Vec<usize> = kept
                .iter()
                .scan(0, |next, kept| {
                    let row = *next;
                    *next += usize::from(kept == Some(true));
                    Some(row)
                })
                .collect();
            self.counted.retain(|(row, _)| self.ids[*row].is_some());
            self.counted.iter_mut().for_each(|(row, _)| *row = row_of[*row]);
        }
        Ok(Decoded {
            batch: RecordBatch::try_new(Arc::new(Schema::new(schema)), columns)?,
            ids: self.ids,
            undefined: self.undefined.into_iter().map(|(name, _)| name).collect(),
            rescued: self.counted,
        })
    }
}

/// The cells at a row: those of the rows before it that had no value are null. Most cells of a ticket have none, and are
/// filled in one go.
fn open(cells: &mut Cells, row: usize) -> &mut Cells {
    cells.fill(row);
    cells
}

/// What mostly comes behind what: keys and fields stand in one order in all tickets of a server.
struct Order(Vec<usize>);

impl Order {
    /// Of so many things, until more is known in the order of their numbers.
    fn new(things: usize) -> Self {
        Self((0..=things).collect())
    }

    /// What is to be expected behind `previous`, or at the start.
    fn behind(&mut self, previous: Option<usize>) -> &mut usize {
        &mut self.0[previous.map_or(0, |previous| previous + 1)]
    }
}

/// Name (none where it cannot be one), value, and the entry as sent.
type Entry<'a> = (Option<Cow<'a, str>>, Json<'a>, Json<'a>);

fn list_entries<'a>(cursor: &mut Cursor<'a>, most: usize) -> Result<Vec<Entry<'a>>, Malformed> {
    let mut entries = Vec::with_capacity(most);
    cursor.list(|cursor| {
        if cursor.peek() != b'{' {
            entries.push((None, Json::Null, cursor.value()?));
            return Ok(());
        }
        let start = cursor.offset();
        let (mut name, mut value) = (None, Json::Null);
        cursor.object(|key, cursor| {
            let json = cursor.value()?;
            if key.is("name") {
                name = match json {
                    Json::Text(text) if !text.is_empty() => Some(text.decoded()),
                    _ => None,
                };
            } else if key.is("value") {
                value = json;
            }
            Ok(())
        })?;
        entries.push((name, value, Json::Object(cursor.since(start))));
        Ok(())
    })?;
    Ok(entries)
}

fn object_entries<'a>(cursor: &mut Cursor<'a>, most: usize) -> Result<Vec<Entry<'a>>, Malformed> {
    let mut entries = Vec::with_capacity(most);
    cursor.object(|name, cursor| {
        let value = cursor.value()?;
        entries.push((Some(name.decoded()), value, value));
        Ok(())
    })?;
    Ok(entries)
}
