import Pixels
import ViT

/// What tells the patches of the object from those around it: the first principal component of the patch tokens, as in
/// the pictures of DINOv2 and DINOv3. A patch is foreground where its coordinate is above 0, which is the mean's.
///
/// A component has no sign of its own. Its direction is chosen by two votes over the frames it was fitted on, each of
/// −1 to 1: the share of the centre's patches that are foreground less that of the border's, and the share of the
/// model's attention that falls on the foreground less the foreground's share of the patches. The border is the
/// outermost ring of patches, the centre the middle half of rows and columns, the attention that of the class token in
/// the last block (without a class token of all patches), mean over the heads. Where the sum is below 0 the direction
/// is turned round.
package struct ForegroundBasis: Sendable, Equatable, Codable {
    /// One component, its direction chosen.
    package let basis: FeatureBasis

    /// Each patch's coordinate along the component, `rows × columns`.
    ///
    /// - Parameter tokens: `tokens × D` after the final LayerNorm.
    package func coordinates(tokens: [Float], rows: Int, columns: Int) -> Plane {
        let first = tokens.count / basis.mean.count - rows * columns
        precondition(first >= 0, "tokens of the whole grid")
        return Plane(
            height: rows, width: columns,
            values: (0..<rows * columns).map { basis.project(tokens, token: first + $0, component: 0) })
    }

    /// The tokens of the foreground's patches, one after the other.
    ///
    /// - Parameter tokens: `tokens × D` after the final LayerNorm.
    package func selected(_ tokens: [Float], rows: Int, columns: Int) -> [Float] {
        let width = basis.mean.count
        let first = tokens.count / width - rows * columns
        let coordinates = coordinates(tokens: tokens, rows: rows, columns: columns)
        return coordinates.values.indices.filter { coordinates.values[$0] > 0 }.flatMap {
            tokens[(first + $0) * width..<(first + $0 + 1) * width]
        }
    }

    /// 1 where a coordinate is above 0, else 0.
    package static func mask(of coordinates: Plane) -> Plane {
        Plane(
            height: coordinates.height, width: coordinates.width,
            values: coordinates.values.map { $0 > 0 ? 1 : 0 })
    }
}

/// Fits a `ForegroundBasis` to frames.
package struct ForegroundFitter {
    private let width: Int
    private var fitter: FeatureBasisFitter
    /// Those that the fitter samples, in its order.
    private var patches: [Patch] = []

    private struct Patch {
        let isBorder: Bool
        let isCentre: Bool
        /// Share of its frame's attention to patches.
        let attention: Float
    }

    /// - Parameter width: the model's D.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init(width: Int) throws {
        self.width = width
        fitter = try FeatureBasisFitter(width: width, components: 1)
    }

    /// What a frame's pass has to give.
    package static func request(of configuration: Configuration) -> ForwardRequest {
        ForwardRequest(attentionBlocks: [configuration.depth - 1], wantsTokens: true)
    }

    /// - Parameter result: of `request`.
    package mutating func add(_ result: ForwardResult, rows: Int, columns: Int) {
        let special = result.tokens.count / width - rows * columns
        fitter.add(tokens: result.tokens, specialTokens: special)
        let attention = result.attention.values.first
        let fused = attention.map { HeadFusion.mean.fuse($0.planes).values } ?? []
        let sum = fused.reduce(0, +)
        for patch in FeatureBasisFitter.sampledPatches(of: rows * columns) {
            let (row, column) = (patch / columns, patch % columns)
            let isInside = (rows / 4..<rows - rows / 4).contains(row)
            patches.append(
                Patch(
                    isBorder: [0, rows - 1].contains(row) || [0, columns - 1].contains(column),
                    isCentre: isInside && (columns / 4..<columns - columns / 4).contains(column),
                    attention: sum > 0 ? fused[patch] / sum : 0))
        }
    }

    /// - Returns: nil before any frame was added.
    package func fit() -> ForegroundBasis? {
        guard let basis = fitter.fit() else { return nil }
        let isForeground = patches.indices.map { basis.project(fitter.samples, token: $0, component: 0) > 0 }
        /// The foreground's share of the patches' weights.
        func share(_ weight: (Patch) -> Float) -> Float {
            var (all, within): (Float, Float) = (0, 0)
            for (patch, isForeground) in zip(patches, isForeground) {
                all += weight(patch)
                if isForeground { within += weight(patch) }
            }
            return all > 0 ? within / all : 0
        }
        let place = share { $0.isCentre ? 1 : 0 } - share { $0.isBorder ? 1 : 0 }
        let attention = share(\.attention) - share { _ in 1 }
        return ForegroundBasis(basis: place + attention < 0 ? basis.turned() : basis)
    }
}
