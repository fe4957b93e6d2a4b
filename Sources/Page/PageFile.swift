/// A file of the page, embedded in the program.
package struct PageFile: Sendable {
    /// As addresses have it: `index.html`, `assets/app.js`.
    package let name: String
    /// Its media type.
    package let type: String
    package let bytes: [UInt8]

    package static let all: [PageFile] = [
        PageFile(name: "index.html", type: "text/html; charset=utf-8", bytes: PackageResources.index_html),
        PageFile(name: "assets/page.css", type: "text/css; charset=utf-8", bytes: PackageResources.page_css),
        PageFile(name: "assets/icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
        script("api", PackageResources.api_js),
        script("app", PackageResources.app_js),
        script("attention", PackageResources.attention_js),
        script("camera", PackageResources.camera_js),
        script("controls", PackageResources.controls_js),
        script("jobs", PackageResources.jobs_js),
        script("keys", PackageResources.keys_js),
        script("pane", PackageResources.pane_js),
        script("paint", PackageResources.paint_js),
        script("state", PackageResources.state_js),
        script("status", PackageResources.status_js),
        script("tiles", PackageResources.tiles_js),
        script("timeline", PackageResources.timeline_js),
        script("words", PackageResources.words_js),
    ]

    private static func script(_ name: String, _ bytes: [UInt8]) -> PageFile {
        PageFile(name: "assets/\(name).js", type: "text/javascript; charset=utf-8", bytes: bytes)
    }

    /// Nil where there is none of that name.
    package static func named(_ name: String) -> PageFile? { all.first { $0.name == name } }
}
