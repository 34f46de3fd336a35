//! A journal in memory, for tests: it keeps the same promises as the real one, except that it ends with its process.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{Entry, Journal, JournalError, NewEntry};

/// Where a memory journal's records are, so that it can be opened again after it was dropped. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    entries: Arc<Mutex<Vec<Entry>>>,
    held: Arc<AtomicBool>,
}

impl MemoryStore {
    /// Opens the journal; only one can be open at a time.
    pub fn open(&self) -> Result<MemoryJournal, JournalError> {
        if self.held.swap(true, Ordering::AcqRel) {
            return Err(JournalError::Locked { path: "memory".to_owned(), pid: Some(std::process::id()) });
        }
        Ok(MemoryJournal { store: self.clone() })
    }
}

/// A journal in memory. Dropping it gives up the lease; the records stay in its store.
#[derive(Debug)]
pub struct MemoryJournal {
    store: MemoryStore,
}

impl MemoryJournal {
    /// Makes an empty journal with a store of its own.
    pub fn new() -> Self {
        let store = MemoryStore::default();
        store.held.store(true, Ordering::Release);
        Self { store }
    }

    /// Returns the store, by which the journal can be opened again.
    pub fn store(&self) -> MemoryStore {
        self.store.clone()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.store.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for MemoryJournal {
    fn drop(&mut self) {
        self.store.held.store(false, Ordering::Release);
    }
}

impl Journal for MemoryJournal {
    fn head(&self) -> u64 {
        self.entries().len() as u64
    }

    fn append(&mut self, expected: u64, entries: &[NewEntry]) -> Result<u64, JournalError> {
        let mut all = self.entries();
        let actual = all.len() as u64;
        if actual != expected {
            return Err(JournalError::Conflict { expected, actual });
        }
        let numbered = (expected + 1..).zip(entries);
        all.extend(numbered.map(|(seq, NewEntry { at, kind, body })| Entry {
            seq,
            at: *at,
            kind: (*kind).to_owned(),
            body: body.clone(),
        }));
        Ok(all.len() as u64)
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        // Cloned out first: `each` may be slow, and may look at the journal itself.
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let entries: Vec<Entry> = self.entries().iter().skip(skip).cloned().collect();
        entries.into_iter().for_each(each);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[test]
    fn the_memory_journal_keeps_the_promises_of_a_journal() {
        conformance::check(|| {
            let store = MemoryStore::default();
            Box::new(move || store.open().map(|it| Box::new(it) as Box<dyn Journal>))
        });
    }
}
