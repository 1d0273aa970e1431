//! Columns of fields, as `tshark -T fields -E occurrence=a -E aggregator=,` prints them: tabs between columns, commas
//! between the values of one, empty where there is none.

use tongro_wire::{Field, Packet, Tables};

/// Slots of the table that finds a field's columns by its address.
const SLOTS: usize = 256;

/// The columns somebody asked for.
#[derive(Debug)]
pub struct Columns {
    /// Rows of the tables and the column each belongs to; a row may be in several.
    rows: Vec<(&'static Field, usize)>,
    /// Whether any row has this hash: most fields of a packet are in no column.
    is_used: [bool; SLOTS],
    cells: Vec<String>,
}

impl Columns {
    /// Columns for these ids.
    ///
    /// # Errors
    /// The first id that no table knows.
    pub fn new<'i>(ids: &[&'i str], tables: &Tables) -> Result<Self, &'i str> {
        let mut rows = Vec::new();
        let mut is_used = [false; SLOTS];
        for (column, id) in ids.iter().enumerate() {
            let found = tables.rows_of(id);
            if found.is_empty() {
                return Err(id);
            }
            for row in found {
                is_used[slot(row)] = true;
                rows.push((row, column));
            }
        }
        Ok(Self { rows, is_used, cells: vec![String::new(); ids.len()] })
    }

    /// Appends one line for a packet.
    pub fn write(&mut self, packet: &Packet<'_>, out: &mut String) {
        self.cells.iter_mut().for_each(String::clear);
        for value in &packet.fields {
            if !self.is_used[slot(value.field)] {
                continue;
            }
            for (_, column) in self.rows.iter().filter(|(row, _)| *row == value.field) {
                let cell = &mut self.cells[*column];
                if !cell.is_empty() {
                    cell.push(',');
                }
                // Writing into a string cannot fail.
                let _ = value.print_to(cell);
            }
        }
        for (column, cell) in self.cells.iter().enumerate() {
            if column > 0 {
                out.push('\t');
            }
            out.push_str(cell);
        }
        out.push('\n');
    }
}

fn slot(field: &'static Field) -> usize {
    std::ptr::from_ref(field) as usize / size_of::<Field>() % SLOTS
}
