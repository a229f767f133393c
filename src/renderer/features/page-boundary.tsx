import { VisuallyHidden } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { refusalInfo } from '../bridge/index.ts'
import { Failure } from './failure.tsx'

type Props = { children: ReactNode }

/** Keeps a mistake of one page from taking the others and the jobs out of sight. React asks for a class here. */
export class PageBoundary extends Component<Props, { thrown: unknown }> {
  override state: { thrown: unknown } = { thrown: undefined }

  static getDerivedStateFromError(thrown: unknown) {
    return { thrown }
  }

  override render() {
    const { thrown } = this.state
    if (thrown === undefined) return this.props.children
    const { message } = refusalInfo(thrown)
    return (
      <>
        <VisuallyHidden component="h1">Squeeze Studio</VisuallyHidden>
        <Failure
          error={{
            code: 'internal',
            message: `This page could not be shown: ${message}.`,
            retryable: true,
            hint: 'Nothing that was computed is lost. The other pages and the jobs go on.',
          }}
          retry={() => this.setState({ thrown: undefined })}
        />
      </>
    )
  }
}
