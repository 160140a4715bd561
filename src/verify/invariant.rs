//! What must hold of every lake, each law with a number and with what breaks without it.

use serde::{Serialize, Serializer};

/// A law of the lake. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    EachTicketOnce,
    InItsPartition,
    SortedById,
    SameColumns,
    FileForm,
    Metadata,
    OneFileEach,
    Decodable,
    StateAgrees,
    RescuedIsObject,
    NothingStaged,
}

use Invariant::*;

impl Invariant {
    pub const ALL: [Invariant; 11] = [
        EachTicketOnce,
        InItsPartition,
        SortedById,
        SameColumns,
        FileForm,
        Metadata,
        OneFileEach,
        Decodable,
        StateAgrees,
        RescuedIsObject,
        NothingStaged,
    ];

    /// `V1` to `V11`.
    pub fn number(self) -> String {
        let place = Self::ALL.iter().position(|law| *law == self).unwrap_or_default();
        format!("V{}", place + 1)
    }

    /// The law.
    pub fn text(self) -> &'static str {
        match self {
            EachTicketOnce => "each ticket once in its source",
            InItsPartition => "each ticket in the partition of its creation",
            SortedById => "rows sorted by id, and id never null",
            SameColumns => "the same columns in every file of a source",
            FileForm => "Zstandard, statistics, page index, Bloom filter",
            Metadata => "metadata of files and of custom columns",
            OneFileEach => "one part-0.parquet in a partition, nothing else",
            Decodable => "every page can be decoded",
            StateAgrees => "state and field tables agree with the files",
            RescuedIsObject => "_rescued is a JSON object or null",
            NothingStaged => "nothing is left of runs that died",
        }
    }

    /// What goes wrong where it does not hold.
    pub fn breaks(self) -> &'static str {
        match self {
            EachTicketOnce => {
                "every count and sum is too high, and two versions of a ticket contradict each other"
            }
            InItsPartition => "a query by date misses the ticket, and the next sync writes it a second time",
            SortedById => "a look-up by id reads every page, and a merge cannot go on",
            SameColumns => "a plain glob over the source fails or loses columns",
            FileForm => "readers cannot skip what they do not need, or skip what they do need",
            Metadata => "nobody can tell what a custom column means or which version wrote it",
            OneFileEach => "the glob counts rows that are no tickets, or a day is missing",
            Decodable => "queries that touch the page fail, and the next sync stops there",
            StateAgrees => {
                "the next sync starts at the wrong moment, or reads values by the wrong definition"
            }
            RescuedIsObject => "JSON queries over it fail",
            NothingStaged => "disk space is wasted until the next sync sweeps it",
        }
    }
}

impl Serialize for Invariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.number())
    }
}
