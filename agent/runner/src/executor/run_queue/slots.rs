//! Places for things that are named by a number, and names that are never given twice.

/// Names a thing in [`Slots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId {
    slot: u32,
    /// How many things had the slot before.
    generation: u32,
}

/// Things by their names.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    content: Option<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Keeps a thing, and names it.
    ///
    /// # Panics
    /// With more than four billion things at once.
    pub(super) fn insert(&mut self, content: T) -> TaskId {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            place.content = Some(content);
            return TaskId {
                slot,
                generation: place.generation,
            };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than four billion tasks");
        self.slots.push(Slot {
            generation: 0,
            content: Some(content),
        });
        TaskId {
            slot,
            generation: 0,
        }
    }

    /// The thing of that name, if it is still there.
    pub(super) fn get_mut(&mut self, id: TaskId) -> Option<&mut T> {
        let place = self.slots.get_mut(id.slot as usize)?;
        if place.generation != id.generation {
            return None;
        }
        place.content.as_mut()
    }

    /// The thing in that slot and its name.
    pub(super) fn in_slot(&mut self, slot: u32) -> Option<(TaskId, &mut T)> {
        let place = self.slots.get_mut(slot as usize)?;
        let id = TaskId {
            slot,
            generation: place.generation,
        };
        Some((id, place.content.as_mut()?))
    }

    /// Takes the thing of that name away.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<T> {
        self.get_mut(id)?;
        let place = &mut self.slots[id.slot as usize];
        let content = place.content.take();
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.slot);
        content
    }

    /// All things.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.content.as_mut())
    }
}

impl TaskId {
    /// Where its thing lies.
    pub(super) const fn slot(self) -> u32 {
        self.slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_that_of_a_later_thing() {
        let mut slots = Slots::default();
        let first = slots.insert("first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_eq!(second.slot(), first.slot());
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut "second"));
        assert_eq!(slots.in_slot(second.slot()), Some((second, &mut "second")));
    }
}
