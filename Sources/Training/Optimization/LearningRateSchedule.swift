import Glibc

/// The learning rate over the steps of a run.
package enum LearningRateSchedule: Sendable, Hashable {
    case constant(Float)
    /// As the Keras examples' `WarmUpCosine`: from `start` in a straight line to `peak` in the first steps, then half a
    /// cosine down to 0 at `steps`, and 0 after that.
    case warmUpCosine(start: Float, peak: Float, warmUpSteps: Int, steps: Int)

    /// - Parameter step: from 0.
    package func rate(at step: Int) -> Float {
        switch self {
        case .constant(let rate): return rate
        case .warmUpCosine(let start, let peak, let warmUp, let steps):
            if step > steps { return 0 }
            if step < warmUp { return start + (peak - start) * Float(step) / Float(warmUp) }
            let done = Double(step - warmUp) / Double(max(steps - warmUp, 1))
            return Float(0.5 * Double(peak) * (1 + cos(.pi * done)))
        }
    }
}
