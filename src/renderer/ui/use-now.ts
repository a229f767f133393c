import { useEffect, useState } from 'react'

/** The time, renewed often enough for words such as "5 minutes ago". Milliseconds since 1970. */
export function useNow(everyMs = 20_000): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
