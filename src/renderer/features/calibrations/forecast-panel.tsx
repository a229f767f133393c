import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { CalibrationForecast } from '../../../shared/contract/studio/index.ts'
import { Facts } from '../../ui/facts.tsx'
import { AlertIcon } from '../../ui/icons.tsx'
import { Message } from '../../ui/message.tsx'
import { Failure } from '../failure.tsx'
import { forecastFacts } from './forecast-words.ts'
import classes from './forecast-panel.module.css'

type Props = {
  forecast: CalibrationForecast | undefined
  error: ErrorInfo | undefined
  /** False while what is in sight belongs to another choice. */
  fresh: boolean
}

/** What it will need, before it starts. Keeps its place while it is asked for. */
export function ForecastPanel({ forecast, error, fresh }: Props) {
  return (
    <section className={classes.panel} aria-label="What it will need" aria-busy={!fresh}>
      {error ? (
        <Failure error={error} />
      ) : forecast ? (
        <>
          <div className={classes.facts} data-stale={!fresh}>
            <Facts facts={forecastFacts(forecast)} />
          </div>
          {forecast.plan.problems.map(({ blocks, message, hint }) => (
            <Message
              key={message}
              title={blocks ? 'It does not fit' : 'It may not fit'}
              tone={blocks ? 'bad' : 'warn'}
              icon={<AlertIcon />}
            >
              {message}
              <div>{hint}</div>
            </Message>
          ))}
        </>
      ) : (
        <p className={classes.words}>Counting tokens and timing this machine…</p>
      )}
      <p className={classes.words}>
        Predicted, not measured: memory and disk from the sizes that will be taken, time from work like it, timed on
        this machine just now.
      </p>
    </section>
  )
}
