import Pixels
import ViT

/// How alike the learned positions are: E[S:] · E[S:]ᵀ, raw dot products.
package enum PositionSimilarity {
    /// - Parameters:
    ///   - rows, columns: the patch grid; nil for the one that the positions were learned on.
    /// - Returns: `patches × patches`, symmetric, patches row-major.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package static func matrix(of model: Model, rows: Int? = nil, columns: Int? = nil) throws -> Plane {
        let c = model.configuration
        let positions = model.patchPositions(
            rows: rows ?? c.nativeRows, columns: columns ?? c.nativeColumns)
        let count = positions.count / c.width
        var plane = Plane(height: count, width: count)
        try MatrixProduct()(
            &plane.values, stride: count, positions, stride: c.width, positions, stride: c.width,
            bTransposed: true, m: count, n: count, k: c.width)
        return plane
    }
}
