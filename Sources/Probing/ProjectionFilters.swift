import ViT

/// The patch embedding looked at as pictures.
package enum ProjectionFilters {
    /// Each filter scaled so that its smallest value is 0 and its largest 1, over all pixels and channels
    /// together (the Keras example: scikit-learn's `MinMaxScaler` on the embedding as (P·P·3, D)); a constant
    /// filter is all 0. The experiments show the first 128, in 8 rows of 16.
    ///
    /// - Parameter limit: number of filters, the first ones.
    /// - Returns: per filter `patch × patch × 3` values 0…1, row-major, red first.
    package static func scaled(of model: Model, limit: Int = 128) -> [[Float]] {
        let c = model.configuration
        let weights = model.patchFilters
        let area = c.patchSize * c.patchSize
        return (0..<min(limit, c.width)).map { filter in
            let values = weights[filter * 3 * area..<(filter + 1) * 3 * area]
            let (low, high) = (values.min() ?? 0, values.max() ?? 0)
            let range = high - low
            var picture = [Float](repeating: 0, count: 3 * area)
            guard range > 0 else { return picture }
            for channel in 0..<3 {
                for pixel in 0..<area {
                    let value = values[values.startIndex + channel * area + pixel]
                    picture[pixel * 3 + channel] = (value - low) / range
                }
            }
            return picture
        }
    }
}
