import classes from './sweep.module.css'

const ENTRIES = {
  measured: { words: 'measured', mark: <circle cx={12} cy={6} r={4.5} fill="var(--mantine-color-dimmed)" /> },
  mixed: { words: 'mixed widths, measured', mark: <path d="M12 0l6 6l-6 6l-6 -6z" fill="var(--accent)" /> },
  predicted: { words: 'predicted', mark: <path d="M0 6H24" stroke="var(--mantine-color-dimmed)" strokeWidth={1.5} /> },
  band: {
    words: 'likely range (2σ)',
    mark: <rect width={24} height={12} fill="var(--mantine-color-dimmed)" fillOpacity={0.25} />,
  },
  beyond: {
    words: 'predicted beyond what was measured',
    mark: (
      <path
        d="M1 6H24"
        stroke="var(--mantine-color-dimmed)"
        strokeWidth={2}
        strokeDasharray="0.1 4.5"
        strokeLinecap="round"
      />
    ),
  },
  front: {
    words: 'front: nothing measured beats it',
    mark: <path d="M0 6H24" stroke="var(--mantine-color-dimmed)" strokeWidth={2.5} />,
  },
  reach: {
    words: 'mixed widths, predicted',
    mark: (
      <g>
        <rect width={24} height={12} fill="var(--accent)" fillOpacity={0.2} />
        <path d="M0 6H24" stroke="var(--accent)" strokeWidth={1.5} />
      </g>
    ),
  },
  chosen: {
    words: 'the choice',
    mark: <circle cx={12} cy={6} r={5} fill="none" stroke="var(--mantine-color-text)" strokeWidth={1.5} />,
  },
} as const

/** What the marks of a chart mean. */
export function Key({ entries }: { entries: (keyof typeof ENTRIES)[] }) {
  return (
    <ul className={classes.key}>
      {entries.map((entry) => (
        <li key={entry}>
          <svg width={24} height={12} aria-hidden="true">
            {ENTRIES[entry].mark}
          </svg>
          {ENTRIES[entry].words}
        </li>
      ))}
    </ul>
  )
}
