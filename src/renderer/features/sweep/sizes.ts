/** What a chart will be high, so that nothing jumps. */
export const CHART_PX = 300

/** A picture that is saved has the same size whatever the window has. */
export const PICTURE = { width: 960, height: 400 }
