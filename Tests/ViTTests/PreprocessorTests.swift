import Base
import Checkpoints
import Fixtures
import Pixels
import Testing
import ViT

@Suite struct PreprocessorTests {
    static let configuration = Configuration(
        family: .vit, patchSize: 14, width: 64, depth: 1, heads: 1, nativeRows: 4, nativeColumns: 4)

    @Test func shortSideKeepsTheAspectAndCropsToPatches() throws {
        let layout = try Preprocessor(configuration: Self.configuration, resolution: .shortSide(448))
            .layout(height: 720, width: 1280)
        #expect((layout.resizedHeight, layout.resizedWidth) == (448, 796))
        #expect((layout.rows, layout.columns) == (32, 56))
        // A patch of 14 model pixels covers 14 · 720/448 pixels of the picture.
        #expect(abs(layout.cellHeight - 22.5) < 1e-12)
        #expect(abs(layout.cellWidth - 14.0 * 1280 / 796) < 1e-12)
    }

    @Test func uprightPicturesHaveTheirWidthAsShortSide() throws {
        let layout = try Preprocessor(configuration: Self.configuration, resolution: .shortSide(28))
            .layout(height: 100, width: 50)
        #expect((layout.resizedHeight, layout.resizedWidth) == (56, 28))
    }

    @Test func aPictureWithoutAWholePatchIsAnError() {
        let preprocessor = Preprocessor(configuration: Self.configuration, resolution: .native)
        #expect(throws: VitvideoError.inputTooSmall(height: 13, width: 300, patchSize: 14)) {
            try preprocessor.layout(height: 13, width: 300)
        }
    }

    @Test func patchesAreCutInRowMajorOrder() throws {
        let configuration = Configuration(
            family: .vit, patchSize: 2, width: 64, depth: 1, heads: 1, nativeRows: 4, nativeColumns: 4)
        let preprocessor = Preprocessor(configuration: configuration, resolution: .native)
        // 3 × 2 × 4: each value tells its place.
        let planes = (0..<24).map(Float.init)
        let patches = preprocessor.patches(ofPlanes: planes, rows: 1, columns: 2)
        #expect(
            patches.values == [
                0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23,
            ])
    }

    /// torchvision's antialiased bilinear resize, shrinking, enlarging and both at once.
    @Test(arguments: ["16x23", "64x92", "20x80"]) func resizeOfNoise(size: String) throws {
        let golden = try Checkpoint.open(Fixtures.golden("vit/resize_synthetic.safetensors").path)
        let sides = size.split(separator: "x").compactMap { Int($0) }
        let image = RGBImage(
            height: 37, width: 53, bytes: try golden.floats("input").map { UInt8($0) })
        let planes = Self.resized(image, height: sides[0], width: sides[1])
        let expected = try golden.floats("\(size)/float")
        var worst: Float = 0
        for row in 0..<sides[0] {
            for column in 0..<sides[1] {
                for channel in 0..<3 {
                    let value = planes[(channel * sides[0] + row) * sides[1] + column]
                    let wanted = expected[(row * sides[1] + column) * 3 + channel]
                    worst = max(worst, abs(value - wanted))
                }
            }
        }
        #expect(worst < 1e-5, "largest difference \(worst)")
    }

    /// Resizes to an explicit size, `3 × height × width` in 0…1.
    static func resized(_ image: RGBImage, height: Int, width: Int) -> [Float] {
        Resize(from: (image.height, image.width), to: (height, width)).planes(
            of: image, height: height, width: width, scale: [1 / 255, 1 / 255, 1 / 255], offset: [0, 0, 0])
    }
}
