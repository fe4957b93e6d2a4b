import Archives
import Pixels

/// An archive that each of many pictures adds a group to.
package final class SharedArchive: FrameOutput {
    private let archive: any GroupedArchive

    package init(_ archive: any GroupedArchive) { self.archive = archive }

    /// What a picture's sink fills and finishes.
    package func group(_ name: String) -> ArrayGroup { ArrayGroup(name, of: archive) }

    package func finish() throws { try archive.finish(as: nil) }
    package func finishPartial() throws -> [String] { [try archive.finishPartial()] }
    package func abandon() { archive.abandon() }
    package var temporaryPaths: [String] { [archive.temporaryPath] }
}

/// A form of masks that each of many pictures adds its own to.
package final class SharedMasks: FrameOutput {
    private let output: any MaskOutput

    package init(_ output: any MaskOutput) { self.output = output }

    /// What a picture's sink adds to. Ending it ends nothing.
    package var ofOnePicture: any MaskOutput { PassedOn(output: output) }

    package func finish() throws { try output.finish() }
    package func finishPartial() throws -> [String] { try output.finishPartial().map { [$0] } ?? [] }
    package func abandon() { output.abandon() }
    package var temporaryPaths: [String] { output.temporaryPaths }

    private final class PassedOn: MaskOutput {
        private let output: any MaskOutput

        init(output: any MaskOutput) { self.output = output }

        func add(_ mask: IndexMask, frame: Int, timeSeconds: Double) throws {
            try output.add(mask, frame: frame, timeSeconds: timeSeconds)
        }

        func finish() {}
        func finishPartial() -> String? { nil }
        func abandon() {}
        var temporaryPaths: [String] { [] }
    }
}
