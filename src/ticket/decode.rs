//! Tickets in, one Arrow batch out.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
        new_null_array,
    },
    compute::filter_record_batch,
    datatypes::{Field, Schema},
    error::ArrowError,
};
use jiff::tz::TimeZone;

use super::{
    CustomShape,
    cells::{Cells, Room},
    custom::{as_sent, put_value},
    entries::{self, Entry, Name},
    layout::{Keys, Layout, Slot},
    rescue::Rescue,
    scalar::{self, Cell},
    slots,
    ways::Ways,
};
use crate::{
    columns::Type,
    fields::column_name,
    json::{Cursor, Json, Malformed, Met},
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
    ways: Ways,
    /// For each custom field the row and the entry that named it last.
    last: Vec<(usize, usize)>,
}

impl Decoder {
    /// A decoder of tickets whose zoneless times are local to `zone`.
    pub fn new(layout: Arc<Layout>, zone: TimeZone) -> Self {
        let ways = layout.learned.take().unwrap_or_else(|| Ways::new(&layout));
        let cells = layout.types.iter().zip(&ways.room).map(|(of, room)| Cells::new(*of, *room)).collect();
        Self {
            clock: Clock::new(zone),
            cells,
            rescued: StringBuilder::new(),
            rescue: Rescue::default(),
            counted: Vec::new(),
            ids: Vec::new(),
            undefined: Vec::new(),
            undefined_by_name: HashMap::new(),
            ways,
            last: vec![(usize::MAX, 0); layout.custom.len()],
            layout,
        }
    }

    /// Reads one ticket, to its end; an element that is no object counts as a ticket without an id.
    pub fn push(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let layout = Arc::clone(&self.layout);
        let mut due: Vec<(usize, Json)> = Vec::new();
        if cursor.peek() == b'{' {
            let mut trail = std::mem::take(&mut self.ways.keys);
            let walked = cursor.along(
                &mut trail,
                |key| layout.keys.find(key),
                |met, cursor| {
                    let at = match met {
                        Met::Known(at) => at,
                        Met::Unknown(key) => {
                            self.rescue.keep(&key.decoded(), &cursor.value()?);
                            return Ok(());
                        }
                    };
                    // Nothing, wherever it stands.
                    if cursor.follow("null") {
                        return Ok(());
                    }
                    let (key, slot) = &layout.keys.list[at];
                    match slot {
                        Slot::Custom => self.push_custom(key, cursor)?,
                        Slot::FirstInstant => due.push((at, cursor.value()?)),
                        Slot::Object(keys) => self.push_object(at, key, keys, cursor)?,
                        slot => self.push_slot(key, slot, &cursor.value()?),
                    }
                    Ok(())
                },
            );
            self.ways.keys = trail;
            walked?;
        } else {
            cursor.skip()?;
        }
        self.push_first_instant(due);
        self.end_row();
        Ok(())
    }

    fn end_row(&mut self) {
        let row = self.ids.len();
        for (column, value) in &self.layout.constants {
            self.cells[*column].put_text(row, value);
        }
        match self.rescue.take() {
            Some((json, keys)) => {
                self.rescued.append_value(json);
                self.counted.extend(keys.into_iter().map(|key| (row, key)));
            }
            None => self.rescued.append_null(),
        }
        self.ids.push(self.cells[self.layout.id].last_int(row + 1));
    }

    /// Puts a value into its columns, or rescues it; the first of two equal keys counts.
    fn push_slot(&mut self, key: &str, slot: &Slot, json: &Json) {
        if !matches!(json, Json::Null)
            && !slots::put(&mut self.cells, self.ids.len(), slot, json, &self.clock)
        {
            self.rescue.keep(key, json);
        }
    }

    fn push_object(
        &mut self,
        at: usize,
        key: &str,
        keys: &Keys,
        cursor: &mut Cursor,
    ) -> Result<(), Malformed> {
        if cursor.peek() == b'{' {
            self.rescue.enter(key);
            let mut trail = std::mem::take(&mut self.ways.inside[at]);
            let walked = cursor.along(
                &mut trail,
                |key| keys.find(key),
                |met, cursor| {
                    let value = cursor.value()?;
                    match met {
                        Met::Known(at) => self.push_slot(keys.list[at].0, &keys.list[at].1, &value),
                        Met::Unknown(key) => self.rescue.keep(&key.decoded(), &value),
                    }
                    Ok(())
                },
            );
            self.ways.inside[at] = trail;
            self.rescue.leave();
            return walked;
        }
        let json = cursor.value()?;
        if !json.is_nothing() {
            self.rescue.keep(key, &json);
        }
        Ok(())
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
                    self.cells[*column].put_int(self.ids.len(), value);
                }
                Cell::Value(value) if chosen == Some(value) => {}
                Cell::Null => {}
                Cell::Value(_) | Cell::Unfit => self.rescue.keep(key, &json),
            }
        }
    }

    fn push_custom(&mut self, key: &str, cursor: &mut Cursor) -> Result<(), Malformed> {
        let layout = Arc::clone(&self.layout);
        let entries = match (cursor.peek(), layout.shape) {
            (b'[', CustomShape::Entries) => entries::of_list(cursor, &layout, &mut self.ways.entries)?,
            (b'{', CustomShape::Object) => entries::of_object(cursor, &layout, &mut self.ways.fields)?,
            _ => {
                let json = cursor.value()?;
                if !json.is_nothing() {
                    self.rescue.keep(key, &json);
                }
                return Ok(());
            }
        };
        self.rescue.enter(key);
        self.push_entries(&layout, &entries);
        self.rescue.leave();
        Ok(())
    }

    fn push_entries(&mut self, layout: &Layout, entries: &[Entry]) {
        let row = self.ids.len();
        for (at, entry) in entries.iter().enumerate() {
            if let Name::Field(field) = entry.name {
                self.last[field] = (row, at);
            }
        }
        let mut nameless = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            match &entry.name {
                Name::Field(field) if self.last[*field] == (row, at) => {
                    self.push_field(layout, *field, &entry.value)
                }
                Name::Undefined(name) if entries[at + 1..].iter().all(|later| later.name != entry.name) => {
                    self.push_undefined(layout, name, &entry.value);
                }
                _ => nameless.push(entry.sent),
            }
        }
        if !nameless.is_empty() {
            self.rescue.keep_list("", &nameless);
        }
    }

    fn push_field(&mut self, layout: &Layout, at: usize, json: &Json) {
        let Some(field) = layout.fields.get(at) else { return };
        if matches!(json, Json::Null) {
            return;
        }
        let (column, row) = (layout.custom[at], self.ids.len());
        if !put_value(&mut self.cells[column], row, field, json, &self.clock) {
            self.rescue.keep(&field.name, json);
        }
        if field.twin {
            self.cells[column + 1].put_text(row, &as_sent(json));
        }
    }

    /// A field without a definition becomes a text column of its own; one whose column name is taken is rescued.
    fn push_undefined(&mut self, layout: &Layout, name: &str, json: &Json) {
        if layout.fields.clashes(name) {
            return self.rescue.keep(name, json);
        }
        let at = *self.undefined_by_name.entry(name.to_owned()).or_insert_with(|| {
            self.undefined.push((name.to_owned(), Cells::new(Type::Text, Room::default())));
            self.undefined.len() - 1
        });
        if !matches!(json, Json::Null) {
            self.undefined[at].1.put_text(self.ids.len(), &as_sent(json));
        }
    }

    /// The batch of all tickets that had an id. `synced_at` is the instant of reading, microseconds since 1970.
    pub fn finish(mut self, synced_at: i64) -> Result<Decoded, ArrowError> {
        let rows = self.ids.len();
        self.ways.room = self.cells.iter().map(|cells| cells.room(rows)).collect();
        self.layout.learned.give(self.ways);
        // Columns without a value share one of their type.
        let mut without: Vec<(Type, ArrayRef)> = Vec::new();
        let mut finish = |cells: Cells| {
            let of = cells.of();
            cells.finish(rows).unwrap_or_else(|| match without.iter().find(|(held, _)| *held == of) {
                Some((_, column)) => Arc::clone(column),
                None => {
                    let column = new_null_array(&of.arrow(), rows);
                    without.push((of, Arc::clone(&column)));
                    column
                }
            })
        };
        let mut columns: Vec<ArrayRef> = self.cells.into_iter().map(&mut finish).collect();
        let defined = columns.len();
        let mut undefined = Vec::with_capacity(self.undefined.len());
        for (name, cells) in self.undefined {
            columns.push(finish(cells));
            undefined.push(name);
        }
        let synced = TimestampMicrosecondArray::from_value(synced_at, rows).with_timezone("UTC");
        let deleted = TimestampMicrosecondArray::new_null(rows).with_timezone("UTC");
        let rescued: StringArray = self.rescued.finish();
        columns.extend([Arc::new(rescued) as ArrayRef, Arc::new(synced), Arc::new(deleted)]);
        let schema = match undefined.as_slice() {
            [] => Arc::clone(&self.layout.schema),
            names => {
                let (before, behind) = self.layout.schema.fields().split_at(defined);
                let named = |name| Arc::new(Field::new(column_name(name), Type::Text.arrow(), true));
                let fields = before.iter().cloned().chain(names.iter().map(|name| named(name)));
                Arc::new(Schema::new(fields.chain(behind.iter().cloned()).collect::<Vec<_>>()))
            }
        };
        // A batch with a null id cannot be made under the schema, so those rows go first.
        let kept: BooleanArray = self.ids.iter().map(|id| Some(id.is_some())).collect();
        if kept.true_count() < rows {
            let all: Vec<_> =
                schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
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
            batch: RecordBatch::try_new(schema, columns)?,
            ids: self.ids,
            undefined,
            rescued: self.counted,
        })
    }
}
