-- Loses all questions that were kept, and which indexes keep them.
DROP TABLE questions;
DROP TABLE question_logs;
