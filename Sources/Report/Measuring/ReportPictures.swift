import Pipeline
import Pixels

/// The pictures that a report reads: all of them where something is of all, else as many as are shown one by one. One
/// that cannot be used makes way for the next.
///
/// Safe to hand over: once a job runs, only its source thread touches it.
final class ReportPictures: @unchecked Sendable {
    private let source: PictureSource
    /// How many are still to be shown one by one.
    private var toShow: Int
    private let readsAll: Bool

    init(_ source: PictureSource, options: ReportOptions) {
        self.source = source
        toShow = options.figures
        readsAll = !options.surveys.isEmpty
    }

    /// - Returns: nil at the end; else with the picture whether it is one of those shown.
    func next() -> (picture: SourcePicture, isShown: Bool)? {
        guard readsAll || toShow > 0, let picture = source.next() else { return nil }
        guard case .picture = picture.content else { return (picture, false) }
        defer { toShow = max(0, toShow - 1) }
        return (picture, toShow > 0)
    }
}
