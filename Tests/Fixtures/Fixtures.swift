import Foundation

/// Files the tests compare against and run on.
package enum Fixtures {
    /// A golden made by `make_goldens.py`.
    package static func golden(_ name: String) -> URL {
        Bundle.module.resourceURL!.appendingPathComponent("goldens/\(name)")
    }

    /// The package's top folder.
    package static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A library's source; what it is for stands in its head.
    package static let failingAllocator =
        packageRoot.appendingPathComponent("Tests/Fixtures/failing_allocator.c").path

    /// A clip or frame that `make test` fetched or cut: `bigbuckbunny.mp4`, `frames/square.png`, …
    package static func media(_ name: String) -> URL {
        packageRoot.appendingPathComponent("media/cache/\(name)")
    }
}
