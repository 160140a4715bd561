//! Rows that wait, page upon page: some pages at a time are copied into one, since the buffers of a page are nearly twice
//! as large as what is in them.

use arrow::{array::RecordBatch, compute::concat_batches, error::ArrowError};

/// Pages that are copied into one.
const PAGES: usize = 16;

/// Rows in the order of reading.
#[derive(Default)]
pub struct Pile {
    stacks: Vec<RecordBatch>,
    /// The last ones, of one schema.
    pages: Vec<RecordBatch>,
}

impl Pile {
    pub fn push(&mut self, page: RecordBatch) -> Result<(), ArrowError> {
        // A field that was new on this page is a column that the earlier ones lack.
        if self.pages.first().is_some_and(|first| first.schema() != page.schema()) {
            self.stack()?;
        }
        self.pages.push(page);
        if self.pages.len() == PAGES { self.stack() } else { Ok(()) }
    }

    fn stack(&mut self) -> Result<(), ArrowError> {
        if let Some(first) = self.pages.first() {
            self.stacks.push(concat_batches(&first.schema(), &self.pages)?);
            self.pages.clear();
        }
        Ok(())
    }

    /// Everything that waits.
    pub fn into_batches(self) -> Vec<RecordBatch> {
        let Self { mut stacks, pages } = self;
        stacks.extend(pages);
        stacks
    }
}
