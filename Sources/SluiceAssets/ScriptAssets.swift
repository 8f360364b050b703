/// Lua scripts as bytes, each whole. No logic: SluiceBroker runs them.
package enum ScriptAssets {
    package static let offer = PackageResources.markers_lua + PackageResources.offer_lua
    package static let announce = PackageResources.markers_lua + PackageResources.announce_lua
    package static let withdraw = PackageResources.markers_lua + PackageResources.withdraw_lua
    package static let tokens = PackageResources.tokens_lua
    package static let fetch = PackageResources.markers_lua + PackageResources.fetch_lua
    package static let handBack = PackageResources.markers_lua + PackageResources.hand_back_lua
    package static let acknowledge = PackageResources.acknowledge_lua
    package static let reclaim = PackageResources.reclaim_lua
}
