const RADIUS = 6.5

/** Progress as a small ring; empty without a fraction. Decoration: whoever shows it says it in words. */
export function Ring({ fraction }: { fraction: number | undefined }) {
  return (
    <svg width={18} height={18} viewBox="0 0 18 18" fill="none" strokeWidth={2.5} aria-hidden="true" focusable="false">
      <circle cx="9" cy="9" r={RADIUS} stroke="var(--line-strong)" />
      {fraction !== undefined && (
        <circle
          cx="9"
          cy="9"
          r={RADIUS}
          stroke="var(--accent)"
          pathLength={100}
          strokeDasharray={`${fraction * 100} 100`}
          transform="rotate(-90 9 9)"
        />
      )}
    </svg>
  )
}
