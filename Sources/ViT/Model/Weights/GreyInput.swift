/// A model of grey pictures as one of colored pictures.
///
/// A grey value is a weighted sum of red, green and blue, as PIL's mode "L" has it, and the patch embedding is
/// linear: the filters for each color are the grey one, times the color's share.
enum GreyInput {
    /// Rec. 601, in thousandths as PIL rounds them.
    private static let shares: [Float] = [0.299, 0.587, 0.114]

    /// - Parameter filters: `D × channels × patch × patch`.
    /// - Returns: `D × 3 × patch × patch`.
    static func colored(_ filters: [Float], of c: Configuration) -> [Float] {
        guard c.inputChannels == 1 else { return filters }
        let count = c.patchSize * c.patchSize
        return (0..<c.width).flatMap { output in
            shares.flatMap { share in
                filters[output * count..<(output + 1) * count].map { share * $0 }
            }
        }
    }

    /// Statistics of colors as those of the grey value.
    static func grey(_ values: [Float]) -> [Float] {
        values.count == 3 ? [zip(shares, values).reduce(0) { $0 + $1.0 * $1.1 }] : values
    }
}
