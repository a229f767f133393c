import type { Migration } from '../migrate.ts'

/**
 * Conversations with two models side by side: `settings`, `answers` and `comparison` of a turn hold what the contract
 * names. A result may go; what it said stays.
 */
export const chats: Migration = {
  name: '0006-chats',
  sql: `
    CREATE TABLE chats (
      id INTEGER PRIMARY KEY,
      project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      title TEXT NOT NULL,
      changed_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX chats_of_project ON chats (project_id);

    CREATE TABLE chat_turns (
      id INTEGER PRIMARY KEY,
      chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
      prompt TEXT NOT NULL,
      settings TEXT NOT NULL,
      answers TEXT NOT NULL,
      comparison TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX turns_of_chat ON chat_turns (chat_id);
  `,
}
