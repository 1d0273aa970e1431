//! The index in SQLite: `.tongro/index.db`, readable with any SQLite tool.
//!
//! ```text
//!   about(name, value)         device, set, format
//!   path(key, shown, row)      one row a path: its key, the same as text, the state (postcard)
//!   journal(intent)            what was begun
//!   past(at, raw, aside, is_deletion)
//!   chunks(hash, list)         32 + 4 bytes a chunk
//! ```
//!
//! WAL with `synchronous=FULL`: a commit is on disk when it returns.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Change, Past, Saved, Store};
use crate::chunk::Chunk;
use crate::entry::Hash;
use crate::error::{Error, Result};

/// The layout's number.
const FORMAT: u64 = 1;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 30000;
    CREATE TABLE IF NOT EXISTS about(name TEXT PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS path(key BLOB PRIMARY KEY, shown TEXT NOT NULL, row BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS journal(number INTEGER PRIMARY KEY, intent BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS past(at INTEGER NOT NULL, raw BLOB NOT NULL, aside BLOB NOT NULL, is_deletion INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS chunks(hash BLOB PRIMARY KEY, list BLOB NOT NULL) WITHOUT ROWID;
";

/// An index in a file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens it, or makes it with a new device number.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        let this = Self { connection };
        match this.about("format")? {
            Some(FORMAT) => {}
            Some(_) => return Err(Error::IndexFormat { what: "made by a newer version" }),
            None => {
                let mut bytes = [0; 8];
                rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
                    .map_err(|error| Error::io("getrandom")(error.into()))?;
                this.set_about("device", u64::from_be_bytes(bytes) | 1)?;
                this.set_about("format", FORMAT)?;
            }
        }
        Ok(this)
    }

    fn about(&self, name: &str) -> Result<Option<u64>> {
        let query =
            self.connection.query_row("SELECT value FROM about WHERE name = ?", [name], |row| row.get(0));
        let value: Option<Vec<u8>> = query.optional()?;
        let number = |bytes: Vec<u8>| <[u8; 8]>::try_from(bytes).map(u64::from_be_bytes);
        value.map(number).transpose().map_err(|_| Error::IndexFormat { what: "a number" })
    }

    fn set_about(&self, name: &str, value: u64) -> Result<()> {
        let bytes = value.to_be_bytes();
        self.connection.execute("INSERT OR REPLACE INTO about VALUES(?, ?)", params![name, &bytes[..]])?;
        Ok(())
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Saved> {
        let mut saved = Saved {
            device: self.about("device")?.unwrap_or(1),
            set: self.about("set")?.unwrap_or(0),
            ..Saved::default()
        };
        let mut query = self.connection.prepare("SELECT key, row FROM path")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(1)?.as_blob().map_err(|_| Error::IndexFormat { what: "a row" })?;
            let parsed = postcard::from_bytes(bytes).map_err(|_| Error::IndexFormat { what: "a row" })?;
            saved.rows.insert(row.get(0)?, parsed);
        }
        let mut query = self.connection.prepare("SELECT intent FROM journal ORDER BY number")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            let parsed =
                postcard::from_bytes(&bytes).map_err(|_| Error::IndexFormat { what: "the journal" })?;
            saved.journal.push(parsed);
        }
        Ok(saved)
    }

    fn commit(&mut self, change: &Change) -> Result<()> {
        let bytes = |value: &dyn erased::Bytes| value.bytes();
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO path VALUES(?, ?, ?)")?;
            for (key, row) in &change.rows {
                put.execute(params![key, String::from_utf8_lossy(key), bytes(row)?])?;
            }
            if let Some(journal) = &change.journal {
                transaction.execute("DELETE FROM journal", [])?;
                let mut put = transaction.prepare_cached("INSERT INTO journal(intent) VALUES(?)")?;
                for intent in journal {
                    put.execute([bytes(intent)?])?;
                }
            }
            let mut put = transaction.prepare_cached("INSERT INTO past VALUES(?, ?, ?, ?)")?;
            for past in &change.past {
                put.execute(params![past.at, past.raw, past.aside, past.is_deletion])?;
            }
            let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO chunks VALUES(?, ?)")?;
            for (hash, list) in &change.chunks {
                put.execute(params![&hash[..], bytes(list)?])?;
            }
            if let Some(set) = change.set {
                let value = set.to_be_bytes();
                transaction.execute("INSERT OR REPLACE INTO about VALUES('set', ?)", params![&value[..]])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn chunks(&mut self, hash: &Hash) -> Result<Option<Vec<Chunk>>> {
        let query = "SELECT list FROM chunks WHERE hash = ?";
        let list: Option<Vec<u8>> =
            self.connection.query_row(query, [&hash[..]], |row| row.get(0)).optional()?;
        let parse = |bytes: Vec<u8>| postcard::from_bytes(&bytes);
        list.map(parse).transpose().map_err(|_| Error::IndexFormat { what: "a list of chunks" })
    }

    fn past(&mut self) -> Result<Vec<Past>> {
        let query = "SELECT at, raw, aside, is_deletion FROM past ORDER BY at DESC, rowid DESC";
        let mut query = self.connection.prepare(query)?;
        let all = query.query_map([], |row| {
            Ok(Past { at: row.get(0)?, raw: row.get(1)?, aside: row.get(2)?, is_deletion: row.get(3)? })
        })?;
        Ok(all.collect::<Result<_, _>>()?)
    }

    fn forget_past(&mut self, before: i64) -> Result<()> {
        self.connection.execute("DELETE FROM past WHERE at < ?", [before])?;
        Ok(())
    }
}

/// Anything that has a binary form.
mod erased {
    use crate::error::{Error, Result};

    pub(super) trait Bytes {
        fn bytes(&self) -> Result<Vec<u8>>;
    }

    impl<T: serde::Serialize> Bytes for T {
        fn bytes(&self) -> Result<Vec<u8>> {
            postcard::to_stdvec(self).map_err(|_| Error::IndexFormat { what: "a value" })
        }
    }
}
