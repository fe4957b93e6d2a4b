import Datasets
import Glibc

/// Cross-entropy of logits with the targets of a batch.
///
/// A picture's target is t = (1 − ε) · (λ·e₁ + (1 − λ)·e₂) + ε/K, with ε the label smoothing (as PyTorch's), K classes,
/// λ the share of its first class in a mixture, else 1. Its loss is −Σ t · log softmax(logits).
package struct CrossEntropy: Sendable, Hashable {
    /// Share of the target that is spread over all classes, 0 to less than 1.
    package var labelSmoothing: Float

    package init(labelSmoothing: Float = 0) { self.labelSmoothing = labelSmoothing }

    /// The loss of one picture.
    ///
    /// - Parameters:
    ///   - logits: `classes`.
    ///   - gradient: `classes`: becomes softmax − t, times `scale`.
    ///   - picture: its index in the batch.
    func callAsFunction(
        logits: UnsafePointer<Float>, classes: Int, of batch: TrainingBatch, picture: Int,
        gradient: UnsafeMutablePointer<Float>, scale: Float
    ) -> Double {
        let logSum = LogSum(count: classes) { Double(logits[$0]) }.value
        let share = batch.mixture.map { $0.shares[picture] } ?? 1
        let (first, second) = (
            Int(batch.labels[picture]), batch.mixture.map { Int($0.labels[picture]) } ?? 0
        )
        let spread = labelSmoothing / Float(classes)
        var loss = 0.0
        for i in 0..<classes {
            var target = spread
            if i == first { target += (1 - labelSmoothing) * share }
            if i == second { target += (1 - labelSmoothing) * (1 - share) }
            let logProbability = Double(logits[i]) - logSum
            if target != 0 { loss -= Double(target) * logProbability }
            gradient[i] = (Float(exp(logProbability)) - target) * scale
        }
        return loss
    }
}

/// What was measured of pictures: sums, so that batches add up.
package struct Measures: Sendable, Hashable {
    package var pictures = 0
    /// Sum of the pictures' losses.
    package var loss = 0.0
    /// Pictures whose class has the largest logit; of equal ones the first counts as the largest.
    package var top1 = 0
    /// Pictures whose class is among the five largest.
    package var top5 = 0

    package init() {}

    package var meanLoss: Double { pictures > 0 ? loss / Double(pictures) : .nan }
    package var top1Accuracy: Double { pictures > 0 ? Double(top1) / Double(pictures) : .nan }
    package var top5Accuracy: Double { pictures > 0 ? Double(top5) / Double(pictures) : .nan }

    package static func += (sum: inout Measures, other: Measures) {
        sum.pictures += other.pictures
        sum.loss += other.loss
        sum.top1 += other.top1
        sum.top5 += other.top5
    }

    /// Counts a picture.
    mutating func add(loss: Double, logits: UnsafePointer<Float>, classes: Int, label: Int) {
        pictures += 1
        self.loss += loss
        var before = 0
        for i in 0..<classes where i != label {
            if logits[i] > logits[label] || logits[i] == logits[label] && i < label { before += 1 }
        }
        if !logits[label].isFinite { return }
        if before < 1 { top1 += 1 }
        if before < 5 { top5 += 1 }
    }
}

/// log Σ exp of scores, in 64-bit floats.
struct LogSum {
    let value: Double

    /// - Parameter score: gives each of `count` scores, at least one.
    init(count: Int, score: (Int) -> Double) {
        var largest = score(0)
        for i in 1..<max(count, 1) { largest = max(largest, score(i)) }
        var sum = 0.0
        for i in 0..<count { sum += exp(score(i) - largest) }
        value = log(sum) + largest
    }
}
