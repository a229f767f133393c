import type { ReactNode } from 'react'

/** Line drawings on a 20 × 20 grid; decoration only, so hidden from screen readers. */
function Icon({ children, size = 18 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  )
}

export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M15.3 4.7l-1.1 1.1M5.8 14.2l-1.1 1.1" />
  </Icon>
)

export const MoonIcon = () => (
  <Icon>
    <path d="M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3Z" />
  </Icon>
)

export const ScreenIcon = () => (
  <Icon>
    <rect x="2.8" y="3.8" width="14.4" height="9.6" rx="1.4" />
    <path d="M7.2 16.4h5.6M10 13.4v3" />
  </Icon>
)

export const SlidersIcon = () => (
  <Icon>
    <path d="M3 6.5h6M13 6.5h4M3 13.5h3M10 13.5h7" />
    <circle cx="11" cy="6.5" r="2" />
    <circle cx="8" cy="13.5" r="2" />
  </Icon>
)

export const CopyIcon = () => (
  <Icon size={15}>
    <rect x="7" y="7" width="9.5" height="9.5" rx="1.8" />
    <path d="M13 4.6A1.6 1.6 0 0 0 11.4 3H5a2 2 0 0 0-2 2v6.4A1.6 1.6 0 0 0 4.6 13" />
  </Icon>
)

export const CheckIcon = () => (
  <Icon size={15}>
    <path d="m4.5 10.5 3.6 3.6 7.4-8" />
  </Icon>
)

export const AlertIcon = () => (
  <Icon>
    <path d="M10 3.2 17.6 16.4H2.4L10 3.2ZM10 8.4v3.4M10 14.1h.01" />
  </Icon>
)

export const FolderIcon = () => (
  <Icon>
    <path d="M2.8 5.6a1.6 1.6 0 0 1 1.6-1.6h3l1.8 2h6.4a1.6 1.6 0 0 1 1.6 1.6v6.8a1.6 1.6 0 0 1-1.6 1.6H4.4a1.6 1.6 0 0 1-1.6-1.6V5.6Z" />
  </Icon>
)

export const FileIcon = () => (
  <Icon>
    <path d="M5 4a1.5 1.5 0 0 1 1.5-1.5h4.8L15 6.2V16a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 5 16V4ZM11 2.8v3.7h3.7" />
  </Icon>
)

/** A stack of layers. */
export const CheckpointIcon = ({ size }: { size?: number }) => (
  <Icon {...(size === undefined ? {} : { size })}>
    <path d="m10 2.8 7.4 3.8L10 10.4 2.6 6.6 10 2.8ZM2.6 10l7.4 3.8 7.4-3.8M2.6 13.4l7.4 3.8 7.4-3.8" />
  </Icon>
)

export const ChevronIcon = () => (
  <Icon size={15}>
    <path d="m7.5 4.5 5.5 5.5-5.5 5.5" />
  </Icon>
)

/** The mark: three layers, each squeezed a little more. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" fill="#0f766e" />
      <g fill="#fff">
        <rect x="7" y="7" width="18" height="3.2" rx="1.6" />
        <rect x="10" y="14.4" width="12" height="3.2" rx="1.6" fillOpacity=".82" />
        <rect x="13" y="21.8" width="6" height="3.2" rx="1.6" fillOpacity=".64" />
      </g>
    </svg>
  )
}
