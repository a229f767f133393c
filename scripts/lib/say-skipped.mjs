/** A reporter for vitest: names each test that was skipped, with its reason, which the others leave out. */
export default class SaySkipped {
  onTestCaseResult(test) {
    const { state, note } = test.result()
    if (state === 'skipped') console.log(`SKIPPED ${test.fullName}${note ? `: ${note}` : ''}`)
  }
}
