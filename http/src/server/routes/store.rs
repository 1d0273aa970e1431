//! Notes in SQLite: one connection, write-ahead log, every statement prepared once.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

/// A note as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) done: bool,
    /// RFC 3339, UTC.
    pub(super) created_at: String,
    pub(super) updated_at: String,
    /// 1, then one more with each change; the entity tag.
    pub(super) version: i64,
}

/// What a client may set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) body: String,
    pub(super) done: bool,
}

/// What became of a change that asked for a version.
#[derive(Debug)]
pub(super) enum Changed {
    /// It was made; nothing is left after a delete.
    Done(Option<Note>),
    /// There is no such note.
    Missing,
    /// The note has another version.
    Other(Note),
}

/// The database.
pub(super) struct Store(Mutex<Connection>);

const COLUMNS: &str = "id, title, body, done, created_at, updated_at, version";
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

impl Store {
    /// In this file, or in memory.
    pub(super) fn open(path: Option<&Path>) -> rusqlite::Result<Self> {
        let connection = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS notes (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                title TEXT NOT NULL, body TEXT NOT NULL, done INTEGER NOT NULL,
                created_at TEXT NOT NULL, updated_at TEXT NOT NULL, version INTEGER NOT NULL
            ) STRICT;",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    /// A statement that failed leaves the connection whole.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes behind `after`, at most `limit`, with how many there are in all.
    pub(super) fn list(
        &self,
        after: i64,
        limit: i64,
        search: Option<&str>,
    ) -> rusqlite::Result<(Vec<Note>, i64)> {
        let connection = self.connection();
        let pattern = search.map(|text| {
            let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            format!("%{text}%")
        });
        let found = "(?1 IS NULL OR title LIKE ?1 ESCAPE '\\' OR body LIKE ?1 ESCAPE '\\')";
        let mut count = connection.prepare_cached(&format!("SELECT count(*) FROM notes WHERE {found}"))?;
        let total = count.query_row(params![pattern], |row| row.get(0))?;
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM notes WHERE {found} AND id > ?2 ORDER BY id LIMIT ?3"
        ))?;
        let notes = select.query_map(params![pattern, after, limit], note)?.collect::<Result<_, _>>()?;
        Ok((notes, total))
    }

    pub(super) fn get(&self, id: i64) -> rusqlite::Result<Option<Note>> {
        select(&self.connection(), id)
    }

    pub(super) fn insert(&self, draft: &Draft) -> rusqlite::Result<Note> {
        let connection = self.connection();
        let mut insert = connection.prepare_cached(&format!(
            "INSERT INTO notes (title, body, done, created_at, updated_at, version)
             VALUES (?1, ?2, ?3, {NOW}, {NOW}, 1) RETURNING {COLUMNS}"
        ))?;
        insert.query_row(params![draft.title, draft.body, draft.done], note)
    }

    /// Changes a note if `is_wanted` says so of what is there now; nothing can come between.
    pub(super) fn change(
        &self,
        id: i64,
        is_wanted: impl FnOnce(&Note) -> bool,
        draft: impl FnOnce(&Note) -> Option<Draft>,
    ) -> rusqlite::Result<Changed> {
        let connection = self.connection();
        let Some(old) = select(&connection, id)? else { return Ok(Changed::Missing) };
        if !is_wanted(&old) {
            return Ok(Changed::Other(old));
        }
        let Some(draft) = draft(&old) else {
            connection.prepare_cached("DELETE FROM notes WHERE id = ?1")?.execute(params![id])?;
            return Ok(Changed::Done(None));
        };
        let mut update = connection.prepare_cached(&format!(
            "UPDATE notes SET title = ?2, body = ?3, done = ?4, updated_at = {NOW}, version = version + 1
             WHERE id = ?1 RETURNING {COLUMNS}"
        ))?;
        let new = update.query_row(params![id, draft.title, draft.body, draft.done], note)?;
        Ok(Changed::Done(Some(new)))
    }
}

fn select(connection: &Connection, id: i64) -> rusqlite::Result<Option<Note>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM notes WHERE id = ?1"))?;
    select.query_row(params![id], note).optional()
}

fn note(row: &Row<'_>) -> rusqlite::Result<Note> {
    Ok(Note {
        id: row.get(0)?,
        title: row.get(1)?,
        body: row.get(2)?,
        done: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        version: row.get(6)?,
    })
}
