import { useEffect, useState } from 'react'
import type { CalibrationChoice, CalibrationForecast } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { makeLoader, type Remote } from '../../stores/remote.ts'

/** A person still types, and each answer takes some tenths of a second of the machine. */
const REST_MS = 300

/** What a calibration of this choice would need; the last answer stays in sight while a newer one is asked for. */
export function useForecast(projectId: number, choice: CalibrationChoice | undefined) {
  const [remote, setRemote] = useState<Remote<CalibrationForecast>>({})
  const [answered, setAnswered] = useState<string>()
  const [load] = useState(() =>
    makeLoader<CalibrationForecast>((part) => setRemote((known) => ({ ...known, ...part }))),
  )
  const key = choice && JSON.stringify(choice)

  useEffect(() => {
    if (key === undefined) return
    const timer = setTimeout(() => {
      const asked = { ...(JSON.parse(key) as CalibrationChoice), projectId }
      void load(() => client.call('calibration.plan', asked)).then(() => setAnswered(key))
    }, REST_MS)
    return () => clearTimeout(timer)
  }, [key, projectId, load])

  return { ...remote, fresh: key !== undefined && answered === key }
}
