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
    ManifestAgrees,
}

use Invariant::*;

impl Invariant {
    pub const ALL: [Invariant; 12] = [
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
        ManifestAgrees,
    ];

    /// `V1` to `V12`.
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
            FileForm => "Zstandard or none, statistics; large files: page index, Bloom filter",
            Metadata => "the metadata of files: version, schema version, kind of source",
            OneFileEach => "one part-0.parquet in a partition, nothing else",
            Decodable => "every page can be decoded",
            StateAgrees => "the state can be read, and field tables agree with the columns",
            RescuedIsObject => "_rescued is a JSON object or null",
            NothingStaged => "no temporary file of a crashed run",
            ManifestAgrees => "the manifest agrees with the files, byte for byte",
        }
    }

    /// What goes wrong where it does not hold.
    pub fn breaks(self) -> &'static str {
        match self {
            EachTicketOnce => {
                "every count and sum is too high, and two versions of a ticket contradict each other"
            }
            InItsPartition => "a query by date misses the ticket",
            SortedById => "a look-up by id reads every page, and a merge cannot go on",
            SameColumns => "a plain glob over the source fails or loses columns",
            FileForm => "readers cannot skip what they do not need, or skip what they do need",
            Metadata => "nobody knows which version wrote the file, and from which vendor its rows are",
            OneFileEach => "the glob counts rows that are no tickets",
            Decodable => "queries that touch the page fail",
            StateAgrees => {
                "the next sync starts at the wrong moment, or reads values by the wrong definition"
            }
            RescuedIsObject => "JSON queries over it fail",
            NothingStaged => "disk space is wasted until the next sync removes it",
            ManifestAgrees => "tickets are missing, or are not what the source sent",
        }
    }
}

impl Serialize for Invariant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.number())
    }
}
