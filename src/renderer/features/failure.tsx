import { Button } from '@mantine/core'
import type { ErrorCode, ErrorInfo } from '../../shared/contract/errors.ts'
import { AlertIcon } from '../ui/icons.tsx'
import { Message } from '../ui/message.tsx'

/** Every way to fail, in words. The compiler sees to it that none is missing. */
export const failureTitles: Record<ErrorCode, string> = {
  'invalid-request': 'That was not understood',
  'protocol-mismatch': 'Two versions of the studio met',
  'file-not-found': 'A file is not there',
  'file-unreadable': 'A file could not be read',
  'file-malformed': 'A file is damaged',
  'tensor-missing': 'A tensor is missing',
  'tensor-malformed': 'A tensor does not fit',
  'value-not-finite': 'A tensor holds values that are no numbers',
  'architecture-unsupported': 'This architecture is not supported',
  'tokenizer-missing': 'There is no tokenizer',
  'tokenizer-unsupported': 'This tokenizer is not supported',
  'text-too-short': 'The text is too short',
  'calibration-mismatch': 'The calibration is of another checkpoint',
  'output-exists': 'The output is already there',
  'output-unwritable': 'The output could not be written',
  'disk-full': 'The disk is full',
  'out-of-memory': 'There was not enough memory',
  'device-unavailable': 'The device cannot be used',
  'not-found': 'Not found',
  busy: 'Not just now',
  cancelled: 'Cancelled',
  'sidecar-died': 'The compute process ended unexpectedly',
  internal: 'Something went wrong inside the studio',
}

/** Where it happened, as far as it is known: "stage cluster · layer 3 · model.layers.3.mlp.up_proj.weight". */
export function failurePlace({ stage, layer, tensor }: ErrorInfo): string {
  return [stage && `stage ${stage}`, layer !== undefined && `layer ${layer}`, tensor].filter(Boolean).join(' · ')
}

/** What happened, to what, and what to do next. */
export function Failure({ error, retry }: { error: ErrorInfo; retry?: () => void }) {
  const place = failurePlace(error)
  return (
    <Message
      title={failureTitles[error.code]}
      tone="bad"
      icon={<AlertIcon />}
      actions={
        retry && (
          <Button size="compact-sm" variant="default" onClick={retry}>
            Try again
          </Button>
        )
      }
    >
      {error.message}
      {place && <div>{place}</div>}
      {error.hint && <div>{error.hint}</div>}
    </Message>
  )
}
