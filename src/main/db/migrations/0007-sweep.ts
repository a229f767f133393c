import type { Migration } from '../migrate.ts'

/**
 * What a sweep knows. `matrix_errors`: one row for each matrix of a calibration, outlier rule and grid; `errors` holds
 * what the contract names. `sweep_points`: one measured recipe, of which nothing is on disk.
 */
export const sweep: Migration = {
  name: '0007-sweep',
  sql: `
    CREATE TABLE matrix_errors (
      calibration_id INTEGER NOT NULL REFERENCES calibrations (id) ON DELETE CASCADE,
      outliers TEXT NOT NULL,
      grid TEXT NOT NULL,
      name TEXT NOT NULL,
      errors TEXT NOT NULL,
      PRIMARY KEY (calibration_id, outliers, grid, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE sweep_points (
      id INTEGER PRIMARY KEY,
      project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      calibration_fingerprint TEXT,
      recipe TEXT NOT NULL,
      text_name TEXT NOT NULL,
      text_hash TEXT NOT NULL,
      window_length INTEGER NOT NULL,
      limit_windows INTEGER,
      windows INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      bos TEXT NOT NULL,
      precision TEXT NOT NULL,
      reference_nll REAL,
      point TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sweep_points_of_project ON sweep_points (project_id);
  `,
}
