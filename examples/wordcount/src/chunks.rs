//! Cutting texts into chunks of about the same size: small texts share one, large ones get several.
//!
//! Owns where a text may be cut: never inside a word, so that counting the chunks counts the
//! texts. Reads and keeps nothing but the chunk that is being filled.

/// Puts texts together to chunks of at most `size` bytes; a word that is longer than that has a
/// larger one.
#[derive(Debug)]
pub(crate) struct Chunker {
    size: usize,
    filling: String,
}

impl Chunker {
    /// Nothing is in it yet.
    pub(crate) const fn new(size: usize) -> Self {
        Self {
            size,
            filling: String::new(),
        }
    }

    /// Takes a text in; gives the chunks that are full now.
    pub(crate) fn push(&mut self, text: &str) -> Vec<String> {
        if text.len() >= self.size {
            // Cut by itself, from its start: the same text gives the same chunks wherever it comes,
            // and the same chunk is uploaded once.
            return cut(text, self.size);
        }
        // The line end keeps the last word of one text apart from the first of the next.
        let full = if self.filling.len() + text.len() < self.size {
            None
        } else {
            self.take()
        };
        self.filling.push_str(text);
        self.filling.push('\n');
        full.into_iter().collect()
    }

    /// The last chunk.
    pub(crate) fn finish(mut self) -> Option<String> {
        self.take()
    }

    fn take(&mut self) -> Option<String> {
        let filled = std::mem::take(&mut self.filling);
        (!filled.is_empty()).then_some(filled)
    }
}

/// Cuts a text into pieces of at most `size` bytes, at the end of lines or, failing that, of words.
fn cut(mut text: &str, size: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    while text.len() > size {
        let (piece, rest) = text.split_at(end_of_piece(text, size));
        pieces.push(piece.to_owned());
        text = rest;
    }
    if !text.is_empty() {
        pieces.push(text.to_owned());
    }
    pieces
}

/// Where the first piece of a text ends that is longer than `size`.
fn end_of_piece(text: &str, size: usize) -> usize {
    let within = &text[..text.floor_char_boundary(size)];
    let line = within.rfind('\n').map(|start| start + 1);
    // Of one long line and many short ones the pieces should still be about as large.
    if let Some(end) = line.filter(|end| *end > size / 2) {
        return end;
    }
    let after = |start: usize| start + text[start..].chars().next().map_or(0, char::len_utf8);
    let separator = |letter: char| !letter.is_alphanumeric();
    within
        .rfind(separator)
        .or_else(|| text.find(separator))
        .map_or(text.len(), after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::counts::Counts;

    fn chunked(texts: &[&str], size: usize) -> Vec<String> {
        let mut chunker = Chunker::new(size);
        let mut chunks: Vec<String> = texts.iter().flat_map(|text| chunker.push(text)).collect();
        chunks.extend(chunker.finish());
        chunks
    }

    #[test]
    fn small_texts_share_a_chunk_and_their_words_stay_apart() {
        assert_eq!(chunked(&["ab", "", "cd", "ef"], 8), ["ab\n\ncd\n", "ef\n"]);
        assert!(chunked(&[], 8).is_empty());
    }

    #[test]
    fn a_large_text_is_cut_at_a_line_or_else_at_a_word() {
        assert_eq!(chunked(&["ab cd\nef gh\n"], 8), ["ab cd\n", "ef gh\n"]);
        assert_eq!(chunked(&["a\nbc defg hi"], 8), ["a\nbc ", "defg hi"]);
    }

    #[test]
    fn a_word_is_never_cut() {
        assert_eq!(chunked(&["abcdefgh ij"], 4), ["abcdefgh ", "ij"]);
        assert_eq!(chunked(&["abcdefgh"], 4), ["abcdefgh"]);
        assert_eq!(chunked(&["ääää ä"], 3), ["ääää ", "ä"]);
    }

    #[test]
    fn the_same_large_text_gives_the_same_chunks_wherever_it_comes() {
        let large = "one two three four\n".repeat(4);
        let alone = chunked(&[&large], 20);
        let among = chunked(&["x", &large, "y"], 20);
        assert!(alone.iter().all(|chunk| among.contains(chunk)), "{among:?}");
    }

    proptest! {
        #[test]
        fn counting_the_chunks_counts_the_texts(
            texts in proptest::collection::vec("([a-cÄßİ０]{0,5}[ \n.–]{0,2}){0,12}", 0..12),
            size in 1_usize..40,
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let chunks = chunked(&texts, size);
            let mut of_texts = Counts::default();
            texts.iter().for_each(|text| of_texts.add_text(text));
            let mut of_chunks = Counts::default();
            chunks.iter().for_each(|chunk| of_chunks.add_text(chunk));
            prop_assert_eq!(of_chunks, of_texts);
        }

        #[test]
        fn chunks_are_no_larger_than_they_should_be(
            texts in proptest::collection::vec("([a-c]{0,5} ){0,12}", 0..12),
            size in 6_usize..40,
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for chunk in chunked(&texts, size) {
                prop_assert!(chunk.len() <= size, "{} bytes: {:?}", chunk.len(), chunk);
            }
        }
    }
}
