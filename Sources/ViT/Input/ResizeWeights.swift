/// One axis of a separable resize: for each target position the first source position and its weights.
package struct ResizeWeights: Sendable {
    /// First source index of each target position.
    package var first: [Int32]
    /// `count × taps` weights, zero-padded.
    package var weights: [Float]
    /// Weights stored for each target position.
    package var taps: Int

    /// Antialiased resampling to an explicit size: the filter is widened by the scale when shrinking,
    /// cut at the borders and renormalized, as Pillow and `torch.nn.functional.interpolate(antialias=True)` do.
    ///
    /// - Parameters:
    ///   - radius: half the filter's support at scale 1 (1 for bilinear, 2 for bicubic).
    ///   - filter: the filter's value at a distance in source samples at scale 1.
    package static func antialiased(
        from source: Int, to target: Int, radius: Double, filter: (Double) -> Double
    ) -> ResizeWeights {
        let scale = Double(source) / Double(target)
        let stretch = max(scale, 1)
        let support = radius * stretch
        let taps = min(source, Int(support.rounded(.up)) * 2 + 1)
        var result = ResizeWeights(
            first: [], weights: [Float](repeating: 0, count: target * taps), taps: taps)
        for position in 0..<target {
            let center = scale * (Double(position) + 0.5)
            let low = max(0, Int(center - support + 0.5))
            let high = min(source, Int(center + support + 0.5))
            let values = (low..<high).map { filter((Double($0) - center + 0.5) / stretch) }
            let sum = values.reduce(0, +)
            // A row of `taps` weights must lie within the source: near its end it starts earlier.
            let start = min(low, source - taps)
            result.first.append(Int32(start))
            for (offset, value) in values.enumerated() {
                result.weights[position * taps + (low - start) + offset] = Float(value / sum)
            }
        }
        return result
    }

    /// Bilinear resampling between the two samples around (i + ½) · source / target − ½, cut to the source, without
    /// antialiasing.
    package static func bilinear(from source: Int, to target: Int) -> ResizeWeights {
        let taps = min(source, 2)
        let scale = Double(source) / Double(target)
        var result = ResizeWeights(
            first: [], weights: [Float](repeating: 0, count: target * taps), taps: taps)
        for position in 0..<target {
            let center = min(max(0, scale * (Double(position) + 0.5) - 0.5), Double(source - 1))
            // The two samples must lie within the source: at its end the second one is meant.
            let start = min(Int(center), source - taps)
            let share = Float(center - Double(start))
            result.first.append(Int32(start))
            result.weights[position * taps] = 1 - share
            if taps > 1 { result.weights[position * taps + 1] = share }
        }
        return result
    }

    /// The triangle filter of bilinear interpolation.
    static func triangle(_ x: Double) -> Double { max(0, 1 - abs(x)) }

    /// Keys' cubic convolution filter. PyTorch uses a = −0.75 without and a = −0.5 with antialiasing.
    package static func cubic(_ x: Double, a: Double) -> Double {
        let x = abs(x)
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
        return 0
    }

    /// Plain bicubic resampling with a given scale factor: `source = (target + 0.5) / scale − 0.5`,
    /// four taps, indices clamped to the border, a = −0.75
    /// (`torch.nn.functional.interpolate(mode="bicubic", align_corners=False)`).
    static func bicubic(from source: Int, to target: Int, scale: Double) -> ResizeWeights {
        // Clamped taps fall on the same sample; with a dense row they simply add up there.
        var result = ResizeWeights(
            first: [Int32](repeating: 0, count: target),
            weights: [Float](repeating: 0, count: target * source), taps: source)
        for position in 0..<target {
            let x = (Double(position) + 0.5) / scale - 0.5
            let floor = x.rounded(.down)
            for tap in -1...2 {
                let index = min(max(Int(floor) + tap, 0), source - 1)
                result.weights[position * source + index] += Float(cubic(x - floor - Double(tap), a: -0.75))
            }
        }
        return result
    }
}
